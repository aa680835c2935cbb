package io.pariskv.index;

import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;

/**
 * The length of every value of a retrieval zone, as one bf16 number: with the weight that a key gets, how much it can
 * move the output of attention.
 *
 * <p>Of a value's {@code d} numbers, as stored, {@code x[i] = v_i * v_i} are added pairwise by halving, {@code x[i] += x[i +
 * d/2]}, then quarters, down to one, in float without contraction; the norm is {@code sqrt(x[0])}, rounded to bf16. It is
 * the largest finite bf16 number if that is larger, infinite or NaN. Exact: all backends give equal bits. Cost {@code O(d)}
 * a value. Not thread-safe; one instance per stream.
 */
public interface ValueNorms {
  /** The largest finite number of bf16. */
  float LARGEST = 0x1.fep127f;

  /**
   * Finds the norms of the values at positions {@code from} to the end of the retrieval zone.
   *
   * @param kv the values
   * @param slot sequence, the same in {@code kv} and {@code norms}
   * @param from first position, in the retrieval zone
   * @param zones where the retrieval zone begins and ends
   * @param norms where to, rows of one bf16 number a key; room must be reserved
   */
  void update(KvStore kv, int layer, int slot, int from, TokenZones zones, ZoneTable norms);

  /**
   * Refuses a table of other rows than this stage writes, and heads that cannot be halved; the message names both.
   *
   * @throws IllegalArgumentException for either
   */
  static void require(KvStore kv, ZoneTable norms) {
    int headDim = kv.shape().headDim();
    if (headDim < 16 || headDim > 256 || Integer.bitCount(headDim) != 1) {
      throw new IllegalArgumentException(
          "norms of values need a head size that is a power of two from 16 to 256, not " + headDim);
    }
    if (!norms.layout().equals(new ZoneTable.Layout(kv.shape(), DType.BF16, 1, 1))) {
      throw new IllegalArgumentException("norms of values must be rows of 1 bf16 a key for "
          + kv.shape() + ", not of " + norms.width() + " " + norms.dtype() + " every "
          + norms.tokensPerRow() + " keys for " + norms.shape());
    }
  }
}
