package io.pariskv.index;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;

/**
 * Hashes of the keys of several sequences' retrieval zones, and what they are made with.
 *
 * <p>A row of {@code signatures} is about a slab of 1,024 keys, {@code [planes][32] i32}: bit {@code i % 32} of word {@code
 * [p][i / 32]} is plane {@code p} of key {@code i}. So a plane of 32 keys is compared at once, a GPU's warp reads
 * neighbouring words, and a key takes exactly a bit a plane: 187.5 bytes with 150 tables of 10 bits. {@code means} has the mean
 * of each KV head in its first row, {@code [headDim] f32}; there is no second one.
 *
 * @param hash the tables
 * @param planes {@code [headDim][stride] f32}, see {@link SimHash#planes(int, long)}
 * @param logWeights {@code [INTERVALS + 1] f32}, see {@link SimHash#logWeights}
 * @param means means of keys, closed with this
 * @param signatures bits of keys, closed with this
 * @param lists keys by bucket, where the backend looks buckets up; closed with this
 */
public record HashIndex(SimHash hash, Buffer planes, Buffer logWeights, ZoneTable means,
    ZoneTable signatures, BucketLists lists) implements AutoCloseable {
  /** Words of a plane in a row. */
  public static final int WORDS = TokenSlabs.SLAB_TOKENS / Integer.SIZE;

  /** Checks the shapes. */
  public HashIndex {
    KvShape shape = means.shape();
    planes.require("hash planes", DType.F32, shape.headDim(), hash.stride());
    logWeights.require("log-weights of cosines", DType.F32, SimHash.INTERVALS + 1L);
    require("means", means, shape, DType.F32, shape.headDim());
    require("signatures", signatures, shape, DType.I32, width(hash));
  }

  /** Without lists: all bits are compared. */
  public HashIndex(SimHash hash, Buffer planes, Buffer logWeights, ZoneTable means,
      ZoneTable signatures) {
    this(hash, planes, logWeights, means, signatures, BucketLists.NONE);
  }

  private static void require(String name, ZoneTable table, KvShape shape, DType dtype, int width) {
    if (!table.shape().equals(shape) || table.dtype() != dtype || table.width() != width
        || table.tokensPerRow() != TokenSlabs.SLAB_TOKENS) {
      throw new IllegalArgumentException(name + " must be rows of " + width + " " + dtype + " a "
          + TokenSlabs.SLAB_TOKENS + " keys of " + shape + ", not of " + table.width() + " "
          + table.dtype() + " a " + table.tokensPerRow() + " of " + table.shape());
    }
  }

  /** Numbers of a row of signatures. */
  public static int width(SimHash hash) {
    return hash.planes() * WORDS;
  }

  /** Refuses keys of another geometry; the message names both. */
  public void require(KvShape shape) {
    if (!means.shape().sameRows(shape)) {
      throw new IllegalArgumentException(
          "the hashes are of keys of " + means.shape() + ", not of " + shape);
    }
  }

  /** Bytes held now, the planes left out. */
  public long bytes() {
    return means.bytes() + signatures.bytes() + lists.bytes();
  }

  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public void close() {
    try (means; signatures; lists) {
      // nothing else
    }
  }
}
