package io.pariskv.index;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The summary of one key, unpacked.
 *
 * @param ids {@code [subspaces]} centroid ids, 0 to 255
 * @param codes {@code [subspaces][8]} codes flattened, 0 to 15; see {@link MagnitudeLevels#codeValues}
 * @param weights {@code [subspaces]} weights as bf16 bits
 * @param norm the key's norm as bf16 bits; 0 in an index of {@link Coarse#TIERS}
 */
public record KeySummary(int[] ids, int[] codes, short[] weights, short norm) {

  /**
   * Unpacks what an index keeps of a key.
   *
   * @param id its centroid ids
   * @param record the codes, {@code [subspaces] i32} of eight 4-bit codes each, and the weights, {@code [subspaces] bf16}
   * @param norm its norm as bf16 bits
   */
  public static KeySummary unpack(byte[] id, MemorySegment record, short norm) {
    int[] ids = new int[id.length];
    int[] codes = new int[id.length * SignCentroids.SUBSPACE_DIM];
    short[] weights = new short[id.length];
    for (int b = 0; b < id.length; b++) {
      ids[b] = Byte.toUnsignedInt(id[b]);
      int packed = record.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, b);
      for (int j = 0; j < SignCentroids.SUBSPACE_DIM; j++) {
        codes[b * SignCentroids.SUBSPACE_DIM + j] = packed >>> (4 * j) & 15;
      }
      weights[b] = record.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * id.length + b);
    }
    return new KeySummary(ids, codes, weights, norm);
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof KeySummary other && Arrays.equals(ids, other.ids)
        && Arrays.equals(codes, other.codes) && Arrays.equals(weights, other.weights)
        && norm == other.norm;
  }

  @Override
  public int hashCode() {
    return 31 * (31 * (31 * Arrays.hashCode(ids) + Arrays.hashCode(codes))
        + Arrays.hashCode(weights)) + norm;
  }

  @Override
  public String toString() {
    return "ids " + Arrays.toString(ids) + ", codes " + Arrays.toString(codes) + ", weights "
        + Arrays.toString(weights) + ", norm " + norm;
  }
}
