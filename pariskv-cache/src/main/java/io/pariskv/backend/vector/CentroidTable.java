package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.LT;

import io.pariskv.index.ProductQuantizer;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * The codebooks of one KV head with a lane a centroid.
 *
 * @param numbers {@code [subvectors][width][stride]}, infinity beyond the last centroid
 * @param stride the centroids, rounded up to whole tiles
 */
record CentroidTable(ProductQuantizer quantizer, int headDim, float[] numbers, int stride) {
  private static final int LANES = Species.FLOATS.length();

  /** Centroids whose distances are found at once: chains of additions enough to hide their latency. */
  private static final int TILE = 4 * LANES;

  private static final IntVector FIRST = IntVector.zero(Species.INTS).addIndex(1);

  /** The centroids of a sub-vector, rounded up to whole tiles. */
  static int stride(ProductQuantizer quantizer) {
    return Math.ceilDiv(quantizer.centroids(), TILE) * TILE;
  }

  static CentroidTable empty(ProductQuantizer quantizer, int headDim) {
    int stride = stride(quantizer);
    float[] numbers = new float[headDim * stride];
    Arrays.fill(numbers, Float.POSITIVE_INFINITY);
    return new CentroidTable(quantizer, headDim, numbers, stride);
  }

  /** Those in memory, {@code [subvectors][width][centroids] f32}. */
  static CentroidTable read(ProductQuantizer quantizer, int headDim, long address) {
    CentroidTable table = empty(quantizer, headDim);
    int centroids = quantizer.centroids();
    for (int i = 0; i < headDim; i++) {
      Floats.readF32(address + 4L * i * centroids, table.numbers, i * table.stride, centroids);
    }
    return table;
  }

  /** Writes them where {@link #read} reads them. */
  void write(long address) {
    int centroids = quantizer.centroids();
    for (int i = 0; i < headDim; i++) {
      Floats.write(numbers, i * stride, 1, address + 4L * i * centroids, centroids);
    }
  }

  int width() {
    return quantizer.width(headDim);
  }

  /** Where coordinate {@code i} of sub-vector {@code j} of centroid 0 is; those of the others follow. */
  int at(int j, int i) {
    return (j * width() + i) * stride;
  }

  /** The centroid of sub-vector {@code j} nearest to {@code x[from], ...}. */
  int nearest(int j, float[] x, int from, Scratch scratch) {
    FloatVector least = FloatVector.broadcast(Species.FLOATS, Float.POSITIVE_INFINITY);
    IntVector nearest = IntVector.zero(Species.INTS);
    int width = width();
    for (int c = 0; c < stride; c += TILE) {
      FloatVector s0 = FloatVector.zero(Species.FLOATS);
      FloatVector s1 = s0;
      FloatVector s2 = s0;
      FloatVector s3 = s0;
      for (int i = 0; i < width; i++) {
        int at = at(j, i) + c;
        FloatVector xi = FloatVector.broadcast(Species.FLOATS, x[from + i]);
        FloatVector d0 = xi.sub(FloatVector.fromArray(Species.FLOATS, numbers, at));
        FloatVector d1 = xi.sub(FloatVector.fromArray(Species.FLOATS, numbers, at + LANES));
        FloatVector d2 = xi.sub(FloatVector.fromArray(Species.FLOATS, numbers, at + 2 * LANES));
        FloatVector d3 = xi.sub(FloatVector.fromArray(Species.FLOATS, numbers, at + 3 * LANES));
        s0 = d0.fma(d0, s0);
        s1 = d1.fma(d1, s1);
        s2 = d2.fma(d2, s2);
        s3 = d3.fma(d3, s3);
      }
      IntVector number = FIRST.add(c); // of each lane the lower number first, so that it wins a tie
      nearest = nearest.blend(number, s0.compare(LT, least).cast(Species.INTS));
      least = least.blend(s0, s0.compare(LT, least));
      nearest = nearest.blend(number.add(LANES), s1.compare(LT, least).cast(Species.INTS));
      least = least.blend(s1, s1.compare(LT, least));
      nearest = nearest.blend(number.add(2 * LANES), s2.compare(LT, least).cast(Species.INTS));
      least = least.blend(s2, s2.compare(LT, least));
      nearest = nearest.blend(number.add(3 * LANES), s3.compare(LT, least).cast(Species.INTS));
      least = least.blend(s3, s3.compare(LT, least));
    }
    return scratch.nearest(least, nearest);
  }

  /** Where lanes are compared with each other; one a thread. */
  static final class Scratch {
    private final float[] distances = new float[LANES];
    private final int[] numbers = new int[LANES];

    private int nearest(FloatVector least, IntVector nearest) {
      least.intoArray(distances, 0);
      nearest.intoArray(numbers, 0);
      float best = Float.POSITIVE_INFINITY;
      int number = 0;
      for (int lane = 0; lane < LANES; lane++) {
        if (distances[lane] < best || distances[lane] == best && numbers[lane] < number) {
          best = distances[lane];
          number = numbers[lane];
        }
      }
      return number;
    }
  }
}
