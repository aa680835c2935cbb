package io.pariskv.backend.vector;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.TokenSlabs;

/**
 * Attention of the query heads of one group over some tokens of their KV head: begin, attend some
 * tokens, finish. Holds its memory between uses; one thread.
 */
interface PartialAttention {
  /**
   * Tokens of a block, for which scores are weighed at once. Rows are read from memory a block at a time,
   * K then V: each such burst waits for the memory once, and the prefetchers of the processor need some
   * KiB to come up to speed.
   */
  int BLOCK = 256;

  /** Begins with the group's queries, {@code [groupSize][headDim] f32} at address {@code q}. */
  void begin(KvShape shape, long q);

  /** Attends tokens {@code from} to {@code to - 1} of {@code tokens}. */
  void attend(TokenSlabs k, TokenSlabs v, int kvHead, AttendedTokens tokens, int from, int to);

  /** Writes one of {@link PartialResults} to {@code partials} from {@code at}. */
  void finish(float[] partials, int at);
}
