package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.MagnitudeLevels;
import io.pariskv.index.SignCentroids;
import io.pariskv.memory.Bf16;
import java.lang.foreign.ValueLayout;

/** One subspace at a time: for head sizes that have fewer than a vector has lanes. */
final class RerankKernelScalar implements RerankKernel {
  private static final float[] VALUES = MagnitudeLevels.codeValues();

  @Override
  public void score(KeyRecords keys, long p, long candidates, long scores, int count, float[] x) {
    int subspaces = keys.subspaces();
    for (int i = 0; i < count; i++) {
      int key = Raw.ALL.get(ValueLayout.JAVA_INT, candidates + (long) i * Integer.BYTES);
      long codes = keys.address(key);
      terms(codes, codes + HostKeyIndex.weightsAt(subspaces), p, subspaces, x);
      for (int half = subspaces / 2; half > 0; half /= 2) {
        for (int b = 0; b < half; b++) {
          x[b] += x[b + half];
        }
      }
      Raw.ALL.set(ValueLayout.JAVA_FLOAT, scores + (long) i * Float.BYTES, x[0]);
    }
  }

  private static void terms(long codes, long weights, long p, int subspaces, float[] x) {
    for (int b = 0; b < subspaces; b++) {
      int packed = Raw.ALL.get(ValueLayout.JAVA_INT, codes + (long) b * Integer.BYTES);
      float sum = 0;
      for (int j = 0; j < SignCentroids.SUBSPACE_DIM; j++) {
        long at = p + (long) (j * subspaces + b) * Float.BYTES;
        sum = Math.fma(VALUES[packed >>> 4 * j & 15], Raw.ALL.get(ValueLayout.JAVA_FLOAT, at),
            sum);
      }
      short weight = Raw.ALL.get(ValueLayout.JAVA_SHORT, weights + (long) b * Short.BYTES);
      x[b] = sum * Bf16.toFloat(weight);
    }
  }
}
