package io.pariskv.index;

import io.pariskv.error.InputException;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;

/**
 * How keys are quantised by product quantisation: a key is cut into sub-vectors of neighbouring coordinates, and of each
 * only the number of the nearest centroid is kept.
 *
 * <p>Two {@link ZoneTable}s hold what belongs to a sequence. <em>Codes</em>: a row {@code [subvectors] u8} a key.
 * <em>Codebooks</em>: the first row of a table whose rows are about a whole slab of keys, {@code
 * [subvectors][width][centroids] f32}; there is no second one.
 *
 * @param subvectors sub-vectors of a key, 1 to 16; must divide the head size
 * @param bits log2 of the centroids of a sub-vector, 1 to 8
 */
public record ProductQuantizer(int subvectors, int bits) {
  /** Most sub-vectors. */
  public static final int MOST_SUBVECTORS = 16;

  /** Most bits: a code is a byte. */
  public static final int MOST_BITS = 8;

  /** Checks the settings; the message names the setting as the command line does, and both numbers. */
  public ProductQuantizer {
    requireWithin("pq-subvectors", subvectors, MOST_SUBVECTORS);
    requireWithin("pq-bits", bits, MOST_BITS);
  }

  private static void requireWithin(String name, int value, int most) {
    if (value < 1 || value > most) {
      throw new InputException(name + " " + value + " must be from 1 to " + most);
    }
  }

  /** Centroids of a sub-vector. */
  public int centroids() {
    return 1 << bits;
  }

  /** Coordinates of a sub-vector. */
  public int width(int headDim) {
    return headDim / subvectors;
  }

  /** Numbers of the codebooks of one KV head. */
  public int bookSize(int headDim) {
    return headDim << bits;
  }

  /** Where coordinate {@code i} of centroid {@code c} of sub-vector {@code j} is in the codebooks of a KV head. */
  public int at(int headDim, int j, int i, int c) {
    return ((j * width(headDim) + i) << bits) + c;
  }

  /**
   * Refuses heads that cannot be cut.
   *
   * @throws InputException naming both numbers
   */
  public void check(KvShape shape) {
    if (shape.headDim() % subvectors != 0) {
      throw new InputException("pq-subvectors " + subvectors + " does not divide the head size "
          + shape.headDim() + "; choose a divisor");
    }
  }

  /** Refuses codebooks of another geometry; the message names both. */
  public void requireCodebooks(KvShape shape, ZoneTable codebooks) {
    require("codebooks", shape, codebooks, DType.F32, bookSize(shape.headDim()),
        TokenSlabs.SLAB_TOKENS);
  }

  /** Refuses codes of another geometry; the message names both. */
  public void requireCodes(KvShape shape, ZoneTable codes) {
    require("codes", shape, codes, DType.U8, subvectors, 1);
  }

  private void require(String name, KvShape shape, ZoneTable table, DType dtype, int width,
      int tokensPerRow) {
    if (shape.headDim() % subvectors != 0 || !table.shape().equals(shape)
        || table.dtype() != dtype || table.width() != width
        || table.tokensPerRow() != tokensPerRow) {
      throw new IllegalArgumentException(name + " must be rows of " + width + " " + dtype + " a "
          + tokensPerRow + " keys for " + subvectors + " sub-vectors of " + shape + ", not of "
          + table.width() + " " + table.dtype() + " a " + table.tokensPerRow() + " for "
          + table.shape());
    }
  }
}
