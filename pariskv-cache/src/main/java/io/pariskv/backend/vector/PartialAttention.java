package io.pariskv.backend.vector;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.util.Arrays;

/**
 * Attention of the query heads of one group over some tokens of their KV head, on one thread, and the
 * merge of such partial results.
 *
 * <p>Some rows of K are gathered and widened into an array, then serve all query heads of the group;
 * likewise V. So memory is read once, row after row and at its full speed, and the arithmetic runs on
 * arrays that stay in the first-level cache. Holds its arrays
 * between calls; one thread.
 *
 * <p>A partial result is, for each query head of the group, the weighted sum of values padded to whole
 * panels, the largest score and the sum of weights.
 */
final class PartialAttention {
  /** Tokens of a block, for which scores are weighed at once. */
  static final int BLOCK = 128;

  /** Rows widened at once: 16 KiB of the first-level cache at a head size of 128. */
  private static final int TILE = 16;

  /** Rows read in place at once: few enough to stay in the first-level cache for every head. */
  private static final int PAIRED_TILE = 8;

  private static final int ROWS = MicroKernel.ROWS;
  private static final int WIDTH = MicroKernel.WIDTH;

  private final RowBlock rows = new RowBlock(TILE);
  private float[] queries = {};
  private float[] tile = {};
  private float[] scores = {};
  private float[] sums = {};
  private OnlineSoftmax softmax = new OnlineSoftmax(0);
  private int headDim;
  private int group;
  private int stride;
  private int padded;
  private boolean paired;
  @SuppressWarnings("UnusedVariable") // written, or the compiler would drop the reads
  private long touched;
  private final float[] lanes = new float[PairKernel.HEADS * PairKernel.ROWS
      * Species.FLOATS.length()];

  /** Numbers of one partial result. */
  static int partialSize(KvShape shape) {
    return shape.groupSize() * (paddedHead(shape) + 2);
  }

  private static int paddedHead(KvShape shape) {
    return MicroKernel.panels(shape.headDim()) * WIDTH;
  }

  /** Begins with the group's queries, {@code [groupSize][headDim] f32} at address {@code q}. */
  void begin(KvShape shape, long q) {
    headDim = shape.headDim();
    group = shape.groupSize();
    stride = Floats.padded(headDim);
    padded = paddedHead(shape);
    paired = PairKernel.serves(shape.dtype(), headDim, group);
    int heads = Math.max(MicroKernel.paddedRows(group), pairedHeads(group));
    queries = Floats.grown(queries, (long) heads * stride);
    tile = Floats.grown(tile, (long) TILE * padded);
    scores = Floats.grown(scores, (long) heads * BLOCK);
    sums = Floats.grown(sums, (long) heads * padded);
    if (softmax.max.length < heads) {
      softmax = new OnlineSoftmax(heads);
    }
    softmax.clear();
    Arrays.fill(sums, 0, heads * padded, 0);
    float scale = (float) (1 / Math.sqrt(headDim));
    for (int g = 0; g < group; g++) {
      Floats.readScaled(q + 4L * g * headDim, scale, queries, g * stride, headDim);
      Arrays.fill(queries, g * stride + headDim, (g + 1) * stride, 0);
    }
    if (paired) {
      for (int g = 0; g < group; g++) {
        System.arraycopy(queries, g * stride, tile, 0, headDim);
        PairKernel.pair(tile, 0, queries, g * stride, headDim);
      }
      Arrays.fill(queries, group * stride, heads * stride, 0);
      Arrays.fill(scores, group * BLOCK, heads * BLOCK, 0);
    }
  }

  private static int pairedHeads(int group) {
    return (group + PairKernel.HEADS - 1) / PairKernel.HEADS * PairKernel.HEADS;
  }

  /** Attends tokens {@code from} to {@code to - 1} of {@code tokens}. */
  void attend(TokenSlabs k, TokenSlabs v, int kvHead, AttendedTokens tokens, int from, int to) {
    int step = paired ? PAIRED_TILE : TILE;
    for (int first = from; first < to; first += BLOCK) {
      int count = Math.min(BLOCK, to - first);
      for (int j = 0; j < count; j += step) {
        rows.gather(k, kvHead, tokens, first + j, Math.min(step, count - j));
        score(k.dtype(), j, Math.min(step, count - j));
      }
      for (int g = 0; g < group; g++) {
        float factor = softmax.weigh(scores, g * BLOCK, 0, count, Floats.padded(count), g);
        OnlineSoftmax.rescale(sums, g * padded, factor, padded);
      }
      for (int j = 0; j < count; j += step) {
        rows.gather(v, kvHead, tokens, first + j, Math.min(step, count - j));
        sum(v.dtype(), j, Math.min(step, count - j));
      }
    }
  }

  /** Scores of the {@code count} gathered keys, the first being key {@code at} of the block. */
  private void score(DType type, int at, int count) {
    if (paired) {
      scorePaired(at, count);
      return;
    }
    for (int j = 0; stride > headDim && j < count; j++) {
      Arrays.fill(tile, j * stride + headDim, (j + 1) * stride, 0);
    }
    rows.widen(type, headDim, tile, stride);
    for (int g = 0; g < group; g += MicroKernel.DOT_A) {
      int second = g + 1 < group ? 1 : 0;
      for (int j = 0; j < count; j += MicroKernel.DOT_B) {
        MicroKernel.dots(queries, g * stride, second * stride, tile, j * stride, stride, scores,
            g * BLOCK + at + j, second * BLOCK);
      }
    }
  }

  /** Adds the {@code count} gathered values, the first being that of key {@code at} of the block. */
  private void sum(DType type, int at, int count) {
    if (paired) {
      sumPaired(at, count);
      return;
    }
    rows.widenToPanels(type, headDim, tile, TILE);
    for (int g = 0; g < group; g += ROWS) {
      for (int i = 0; i < padded; i += WIDTH) {
        MicroKernel.outer(scores, g * BLOCK + at, BLOCK, tile, i * TILE, count, sums,
            g * padded + i, padded);
      }
    }
  }

  /** {@link #score} without widening first; scores beyond {@code count} are written and not used. */
  private void scorePaired(int at, int count) {
    touched += rows.touch(headDim * Short.BYTES);
    rows.repeatLast(PairKernel.ROWS);
    long[] row = rows.addresses();
    for (int j = 0; j < count; j += PairKernel.ROWS) {
      for (int g = 0; g < group; g += PairKernel.HEADS) {
        PairKernel.scores(queries, g * stride, headDim, row[j], row[j + 1], row[j + 2], row[j + 3],
            scores, g * BLOCK + at + j, BLOCK, lanes);
      }
    }
  }

  /** {@link #sum} without widening first. */
  private void sumPaired(int at, int count) {
    touched += rows.touch(headDim * Short.BYTES);
    for (int g = 0; g < group; g += PairKernel.HEADS) {
      PairKernel.sums(scores, g * BLOCK + at, BLOCK, rows.addresses(), count, sums, g * padded,
          headDim);
    }
  }

  /** Writes the partial result to {@code partials} from {@code at}. */
  void finish(float[] partials, int at) {
    if (paired) {
      for (int g = 0; g < group; g++) {
        PairKernel.unpair(sums, g * padded, partials, at + g * padded, headDim);
      }
    } else {
      System.arraycopy(sums, 0, partials, at, group * padded);
    }
    System.arraycopy(softmax.max, 0, partials, at + group * padded, group);
    System.arraycopy(softmax.sum, 0, partials, at + group * (padded + 1), group);
  }

  /**
   * Merges the {@code count} partial results from {@code at} into {@code [groupSize][headDim] f32} at
   * address {@code out}: each is weighted by what its maximum lacks to the largest (log-sum-exp).
   */
  void merge(KvShape shape, float[] partials, int at, int count, long out) {
    int heads = shape.groupSize();
    int width = paddedHead(shape);
    int size = partialSize(shape);
    sums = Floats.grown(sums, width);
    for (int g = 0; g < heads; g++) {
      int maxAt = at + heads * width + g;
      float max = Float.NEGATIVE_INFINITY;
      for (int i = 0; i < count; i++) {
        max = Math.max(max, partials[maxAt + i * size]);
      }
      double total = 0;
      Arrays.fill(sums, 0, width, 0);
      for (int i = 0; i < count; i++) {
        double weight = Math.exp((double) partials[maxAt + i * size] - max);
        total += weight * partials[maxAt + heads + i * size];
        Floats.addScaled(sums, 0, (float) weight, partials, at + i * size + g * width, width);
      }
      Floats.write(sums, 0, (float) (1 / total), out + 4L * g * shape.headDim(), shape.headDim());
    }
  }
}
