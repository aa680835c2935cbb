package io.pariskv.index;

import io.pariskv.memory.TokenSlabs;

/**
 * The hash tables as such: of every table and bucket a list of the retrieval zone's keys in it, made of {@link
 * HashIndex#signatures}. With them a step reads the lists of its queries' buckets instead of all bits of all keys, and finds the
 * same keys. MagicPIG (arXiv 2410.16179), section 4; its authors keep them in host memory.
 *
 * <p>Only backends that look buckets up have lists. Where there are few keys to a bucket, and for the newest keys, bits
 * are compared all the same: lists begin at zone position 0, in blocks of {@link #BLOCK} keys, end at a multiple of
 * {@link #STEP}, and are made longer when {@link #least} keys are without. A list has two bytes a key, its position in the block.
 *
 * <p>Not thread-safe; one driving thread.
 */
public interface BucketLists extends AutoCloseable {
  /** Keys of a block: as many as two bytes can tell apart. */
  int BLOCK = 1 << Short.SIZE;

  /** What ends of lists are multiples of, so that no word of bits is half in a list. */
  int STEP = TokenSlabs.SLAB_TOKENS / 2;

  /** Keys for which there are lists in the mean, at least, for each bucket of a table. */
  int KEYS_PER_BUCKET = 4;

  /** For backends that compare bits. */
  BucketLists NONE = new BucketLists() {
    @Override
    public boolean any() {
      return false;
    }

    @Override
    public void release(int slot) {
      // nothing is kept
    }

    @Override
    public long bytes() {
      return 0;
    }

    @Override
    public void close() {
      // nothing is kept
    }
  };

  /** Whether there may be lists. */
  default boolean any() {
    return true;
  }

  /** Forgets {@code slot} and frees its memory. */
  void release(int slot);

  /** Bytes of lists held now. */
  long bytes();

  /** Keys that are worth a list of their own in every bucket, about; more than a block's with tables of 15 bits and more. */
  static int least(SimHash hash) {
    return Math.max(STEP, KEYS_PER_BUCKET << hash.bits());
  }

  /** Of {@code keys} keys that come at once those that lists are made of: the first so many. */
  static int listed(SimHash hash, int keys) {
    int least = least(hash);
    int whole = keys / STEP * STEP;
    int rest = whole % BLOCK;
    return least > BLOCK ? 0 : rest >= least ? whole : whole - rest;
  }

  /** Bytes of the lists of up to {@code keys} keys in one KV head of one layer. */
  static long bytes(SimHash hash, int keys) {
    long listed = listed(hash, keys);
    long blocks = (listed + BLOCK - 1) / BLOCK;
    return hash.tables()
        * (Short.BYTES * listed + Integer.BYTES * blocks * ((1L << hash.bits()) + 1));
  }

  /** Bytes that one query head reads of them, if keys are spread evenly over buckets. */
  static long read(SimHash hash, int keys) {
    return hash.tables() * (Short.BYTES * (long) listed(hash, keys) >> hash.bits());
  }

  @Override
  void close();
}
