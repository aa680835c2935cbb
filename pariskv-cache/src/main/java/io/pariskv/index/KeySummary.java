package io.pariskv.index;

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
