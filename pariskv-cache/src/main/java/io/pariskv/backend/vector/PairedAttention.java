package io.pariskv.backend.vector;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.TokenSlabs;

/**
 * {@link PartialAttention} with {@link PairKernel}: rows are read where they lie, for sets of four query
 * heads.
 *
 * <p>A block of K is read from memory into a cache by touching it, then serves every set; likewise V. The
 * processor waits for memory only while touching: were the arithmetic to touch the rows of the next step,
 * it would wait at every step, as a load must arrive before what follows it can retire.
 */
final class PairedAttention implements PartialAttention {
  private static final int HEADS = PairKernel.HEADS;
  private static final long SCORES_BYTES = (long) BLOCK * HEADS * Float.BYTES;

  private final Scratch scratch = new Scratch();
  private final RowBlock rows = new RowBlock(BLOCK);
  private int headDim;
  private int group;
  private int sets;
  /** Bytes of the queries, and of the sums, of one set. */
  private long setBytes;
  private long queries;
  private long sums;
  private long scores;
  private long softmax;
  @SuppressWarnings("UnusedVariable") // written, or the compiler would drop the reads
  private long touched;

  @Override
  public void begin(KvShape shape, long q) {
    headDim = shape.headDim();
    group = shape.groupSize();
    sets = (group + HEADS - 1) / HEADS;
    setBytes = (long) HEADS * headDim * Float.BYTES;
    queries = scratch.reserve(sets * (2 * setBytes + SCORES_BYTES + PairSoftmax.BYTES));
    sums = queries + sets * setBytes;
    scores = sums + sets * setBytes;
    softmax = scores + sets * SCORES_BYTES;
    Raw.ALL.asSlice(queries, 2L * sets * setBytes).fill((byte) 0); // also heads that make a set full
    float scale = (float) (1 / Math.sqrt(headDim));
    for (int g = 0; g < group; g++) {
      long set = queries + g / HEADS * setBytes;
      PairKernel.pair(q + 4L * g * headDim, scale, headDim, set, g % HEADS);
    }
    for (int set = 0; set < sets; set++) {
      PairSoftmax.clear(softmax + (long) set * PairSoftmax.BYTES);
    }
  }

  @Override
  public void attend(TokenSlabs k, TokenSlabs v, int kvHead, AttendedTokens tokens, int from,
      int to) {
    for (int first = from; first < to; first += BLOCK) {
      int count = Math.min(BLOCK, to - first);
      rows.gather(k, kvHead, tokens, first, count);
      touched += rows.touch(headDim * Short.BYTES);
      score(count);
      weigh(count);
      rows.gather(v, kvHead, tokens, first, count);
      touched += rows.touch(headDim * Short.BYTES);
      sum(count);
    }
  }

  /** Scores of the gathered keys; those beyond {@code count} are written and not used. */
  private void score(int count) {
    rows.repeatLast(PairKernel.ROWS);
    long[] row = rows.addresses();
    for (int t = 0; t < count; t += PairKernel.ROWS) {
      for (int set = 0; set < sets; set++) {
        PairKernel.scores(queries + set * setBytes, headDim, row[t], row[t + 1], row[t + 2],
            row[t + 3], scores + set * SCORES_BYTES + (long) t * HEADS * Float.BYTES);
      }
    }
  }

  private void weigh(int count) {
    for (int set = 0; set < sets; set++) {
      long state = softmax + (long) set * PairSoftmax.BYTES;
      if (PairSoftmax.weigh(state, scores + set * SCORES_BYTES, count)) {
        for (int h = 0; h < HEADS; h++) {
          scale(sums + set * setBytes + 4L * h * headDim, PairSoftmax.factor(state, h));
        }
      }
    }
  }

  private void scale(long sum, float factor) {
    for (int i = 0; i < headDim; i += Species.FLOATS.length()) {
      Raw.store(Raw.f32(sum + 4L * i).mul(factor), sum + 4L * i);
    }
  }

  private void sum(int count) {
    for (int set = 0; set < sets; set++) {
      PairKernel.sums(scores + set * SCORES_BYTES, rows.addresses(), count, sums + set * setBytes,
          headDim);
    }
  }

  @Override
  public void finish(float[] partials, int at) {
    for (int g = 0; g < group; g++) {
      PairKernel.unpair(sums + 4L * g * headDim, headDim, partials, at + g * headDim);
      long state = softmax + (long) (g / HEADS) * PairSoftmax.BYTES;
      partials[at + group * headDim + g] = PairSoftmax.max(state, g % HEADS);
      partials[at + group * (headDim + 1) + g] = PairSoftmax.sum(state, g % HEADS);
    }
  }
}
