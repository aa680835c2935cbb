package io.pariskv.backend.scalar;

import io.pariskv.index.ProductQuantizer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;

/**
 * The codebooks of one KV head.
 *
 * @param numbers {@code [subvectors][width][centroids]}
 */
record Centroids(ProductQuantizer quantizer, int headDim, float[] numbers) {

  static Centroids read(ProductQuantizer quantizer, int headDim, MemorySegment row) {
    return new Centroids(quantizer, headDim, Elements.floats(row, DType.F32));
  }

  float get(int j, int i, int c) {
    return numbers[quantizer.at(headDim, j, i, c)];
  }

  void set(int j, int i, int c, float value) {
    numbers[quantizer.at(headDim, j, i, c)] = value;
  }

  int width() {
    return quantizer.width(headDim);
  }

  /** The centroid of sub-vector {@code j} that is nearest to that of {@code key}. */
  int nearest(int j, float[] key) {
    float least = Float.POSITIVE_INFINITY;
    int nearest = 0;
    for (int c = 0; c < quantizer.centroids(); c++) {
      float distance = 0;
      for (int i = 0; i < width(); i++) {
        float difference = key[j * width() + i] - get(j, i, c);
        distance = Math.fma(difference, difference, distance);
      }
      if (distance < least) {
        least = distance;
        nearest = c;
      }
    }
    return nearest;
  }
}
