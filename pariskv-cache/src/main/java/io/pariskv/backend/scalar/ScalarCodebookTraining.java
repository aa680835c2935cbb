package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.CodebookTraining;
import io.pariskv.index.KeySample;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.memory.Buffer;
import java.lang.foreign.MemorySegment;

/** {@link CodebookTraining}, row by row. */
final class ScalarCodebookTraining implements CodebookTraining {
  @Override
  public void train(Buffer rows, ProductQuantizer quantizer, int layer, int slot, int kvHead,
      ZoneTable codebooks) {
    int n = CodebookTraining.require(rows, quantizer, codebooks);
    int headDim = codebooks.shape().headDim();
    float[][] keys = new float[n][];
    for (int i = 0; i < n; i++) {
      keys[i] = Elements.floats(rows.segment(), rows.dtype(), (long) i * headDim, headDim);
    }
    Centroids centroids = new Centroids(quantizer, headDim,
        new float[quantizer.bookSize(headDim)]);
    for (int j = 0; j < quantizer.subvectors(); j++) {
      begin(keys, j, centroids);
      double scale = scale(keys, j, centroids.width());
      for (int round = 0; round < ITERATIONS; round++) {
        average(keys, j, scale, centroids);
      }
    }
    MemorySegment row = HostZoneTable.of(codebooks).row(layer, slot, kvHead, 0);
    row.copyFrom(MemorySegment.ofArray(centroids.numbers()));
  }

  /** Takes rows that differ. */
  private static void begin(float[][] keys, int j, Centroids centroids) {
    int n = keys.length;
    int wanted = centroids.quantizer().centroids();
    int taken = 0;
    for (int i = 0; i < n && taken < wanted; i++) {
      float[] key = keys[(int) ((KeySample.SEED + (long) i * CodebookTraining.step(n)) % n)];
      boolean known = false;
      for (int c = 0; c < taken && !known; c++) {
        known = equal(key, j, c, centroids);
      }
      if (!known) {
        put(key, j, taken++, centroids);
      }
    }
    for (; taken < wanted; taken++) {
      put(keys[(int) (KeySample.SEED % n)], j, taken, centroids);
    }
  }

  private static boolean equal(float[] key, int j, int c, Centroids centroids) {
    for (int i = 0; i < centroids.width(); i++) {
      if (key[j * centroids.width() + i] != centroids.get(j, i, c)) {
        return false;
      }
    }
    return true;
  }

  private static void put(float[] key, int j, int c, Centroids centroids) {
    for (int i = 0; i < centroids.width(); i++) {
      centroids.set(j, i, c, key[j * centroids.width() + i]);
    }
  }

  private static double scale(float[][] keys, int j, int width) {
    float largest = 0;
    for (float[] key : keys) {
      for (int i = 0; i < width; i++) {
        float magnitude = Math.abs(key[j * width + i]);
        largest = Float.isFinite(magnitude) ? Math.max(largest, magnitude) : largest;
      }
    }
    return Math.scalb(1.0, 35 - Math.getExponent(largest));
  }

  /** One round. */
  private static void average(float[][] keys, int j, double scale, Centroids centroids) {
    int width = centroids.width();
    long[][] sums = new long[centroids.quantizer().centroids()][width];
    int[] counts = new int[sums.length];
    for (float[] key : keys) {
      int c = centroids.nearest(j, key);
      counts[c]++;
      for (int i = 0; i < width; i++) {
        float x = key[j * width + i];
        sums[c][i] += Float.isFinite(x) ? (long) Math.rint(x * scale) : 0;
      }
    }
    for (int c = 0; c < counts.length; c++) {
      for (int i = 0; i < width && counts[c] > 0; i++) {
        centroids.set(j, i, c, (float) ((double) sums[c][i] / counts[c] / scale));
      }
    }
  }
}
