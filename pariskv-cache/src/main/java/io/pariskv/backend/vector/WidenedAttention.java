package io.pariskv.backend.vector;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.util.Arrays;

/**
 * {@link PartialAttention} for every type, head size and vector width.
 *
 * <p>Some rows of K are gathered and widened into an array, then serve all query heads of the group;
 * likewise V. So memory is read once, row after row and at its full speed, and the arithmetic runs on
 * arrays that stay in the first-level cache. Holds its arrays between calls.
 */
final class WidenedAttention implements PartialAttention {
  /** Rows widened at once: 16 KiB of the first-level cache at a head size of 128. */
  private static final int TILE = 16;

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

  @Override
  public void begin(KvShape shape, long q) {
    headDim = shape.headDim();
    group = shape.groupSize();
    stride = Floats.padded(headDim);
    padded = PartialResults.width(shape);
    int heads = MicroKernel.paddedRows(group);
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
  }

  @Override
  public void attend(TokenSlabs k, TokenSlabs v, int kvHead, AttendedTokens tokens, int from,
      int to) {
    for (int first = from; first < to; first += BLOCK) {
      int count = Math.min(BLOCK, to - first);
      for (int j = 0; j < count; j += TILE) {
        rows.gather(k, kvHead, tokens, first + j, Math.min(TILE, count - j));
        score(k.dtype(), j, Math.min(TILE, count - j));
      }
      if (tokens.logWeights() != 0) {
        addLogWeights(tokens, first, count);
      }
      for (int g = 0; g < group; g++) {
        float factor = softmax.weigh(scores, g * BLOCK, 0, count, Floats.padded(count), g);
        OnlineSoftmax.rescale(sums, g * padded, factor, padded);
      }
      for (int j = 0; j < count; j += TILE) {
        rows.gather(v, kvHead, tokens, first + j, Math.min(TILE, count - j));
        sum(v.dtype(), j, Math.min(TILE, count - j));
      }
    }
  }

  private void addLogWeights(AttendedTokens tokens, int first, int count) {
    for (int j = 0; j < count; j++) {
      float added = tokens.logWeight(first + j);
      for (int g = 0; g < group; g++) {
        scores[g * BLOCK + j] += added;
      }
    }
  }

  /** Scores of the {@code count} gathered keys, the first being key {@code at} of the block. */
  private void score(DType type, int at, int count) {
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
    rows.widenToPanels(type, headDim, tile, TILE);
    for (int g = 0; g < group; g += ROWS) {
      for (int i = 0; i < padded; i += WIDTH) {
        MicroKernel.outer(scores, g * BLOCK + at, BLOCK, tile, i * TILE, count, sums,
            g * padded + i, padded);
      }
    }
  }

  @Override
  public void finish(float[] partials, int at) {
    System.arraycopy(sums, 0, partials, at, group * padded);
    System.arraycopy(softmax.max, 0, partials, at + group * padded, group);
    System.arraycopy(softmax.sum, 0, partials, at + group * (padded + 1), group);
  }
}
