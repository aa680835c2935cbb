package io.pariskv.backend.vector;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.TokenSlabs;
import java.util.Arrays;

/**
 * Causal attention of some rows and one KV head on one thread, key block by key block (Dao et al. 2022).
 *
 * <p>The query heads of the group make {@code rows * groupSize} queries. Each block of {@link #BLOCK}
 * keys and values is widened and packed once; then for every six queries: scores, online softmax,
 * weighted sum of the values. The block stays in the second-level cache, what belongs to six queries in
 * the first. Holds its arrays between calls; one thread.
 */
final class FlashAttention {
  /** Queries of a task: 128 KiB at a head size of 128. */
  static final int QUERIES = 40 * MicroKernel.ROWS;

  /** Keys of a block: whole panels, and a slab is whole blocks. */
  private static final int BLOCK = 128;

  private static final int ROWS = MicroKernel.ROWS;
  private static final int WIDTH = MicroKernel.WIDTH;

  /**
   * What is attended.
   *
   * @param first row of the chunk
   * @param count rows
   * @param start position of the chunk's row 0
   */
  record Rows(int kvHead, int first, int count, int start) {
    /** Position of row {@code i} of this task. */
    int position(int i) {
      return start + first + i;
    }
  }

  private final RowBlock rows = new RowBlock(BLOCK);
  private final float[] scores = new float[ROWS * BLOCK];
  private float[] queries = {};
  private float[] sums = {};
  private float[] keys = {};
  private float[] values = {};
  private float[] row = {};
  private OnlineSoftmax softmax = new OnlineSoftmax(0);
  private int headDim;
  private int group;
  private int padded;

  /** Attends for {@code rows}; {@code q} and {@code out} are addresses of {@code [rows][heads][headDim]}. */
  void attend(TokenSlabs k, TokenSlabs v, KvShape shape, int window, Rows rows, long q, long out) {
    prepare(shape, rows.count);
    readQueries(shape, rows, q);
    int end = rows.position(rows.count);
    int begin = window > 0 ? Math.max(0, rows.position(0) + 1 - window) : 0;
    for (int from = begin / BLOCK * BLOCK; from < end; from += BLOCK) {
      int count = Math.min(BLOCK, end - from);
      packKeys(k.address(rows.kvHead, from), k, count);
      packValues(v.address(rows.kvHead, from), v, count);
      for (int query = 0; query < rows.count * group; query += ROWS) {
        attendBlock(rows, window, query, from);
      }
    }
    writeSums(shape, rows, out);
  }

  private void prepare(KvShape shape, int rows) {
    headDim = shape.headDim();
    group = shape.groupSize();
    padded = MicroKernel.panels(headDim) * WIDTH;
    int tiles = MicroKernel.paddedRows(rows * group);
    queries = Floats.grown(queries, (long) tiles * headDim);
    sums = Floats.grown(sums, (long) tiles * padded);
    keys = Floats.grown(keys, (long) BLOCK * headDim);
    values = Floats.grown(values, (long) BLOCK * padded);
    row = Floats.grown(row, padded);
    if (softmax.max.length < tiles) {
      softmax = new OnlineSoftmax(tiles);
    }
    softmax.clear();
    Arrays.fill(sums, 0, tiles * padded, 0);
  }

  /** Queries in the order row, head of the group, scaled by {@code 1 / sqrt(headDim)}. */
  private void readQueries(KvShape shape, Rows rows, long q) {
    float scale = (float) (1 / Math.sqrt(headDim));
    for (int r = 0; r < rows.count; r++) {
      int at = r * group * headDim;
      Floats.readScaled(q + offset(shape, rows, r), scale, queries, at, group * headDim);
    }
  }

  private long offset(KvShape shape, Rows rows, int r) {
    return 4L * ((rows.first + (long) r) * shape.heads() + (long) rows.kvHead * group) * headDim;
  }

  /** Keys to panels {@code [BLOCK / WIDTH][headDim][WIDTH]}; lanes of missing keys hold anything. */
  private void packKeys(long from, TokenSlabs slabs, int count) {
    long bytes = (long) headDim * slabs.dtype().bytes();
    for (int j = 0; j < count; j++) {
      Floats.read(slabs.dtype(), from + j * bytes, row, 0, headDim);
      VectorMatMul.transpose(row, headDim, keys, j / WIDTH * headDim * WIDTH + j % WIDTH);
    }
  }

  /** Values to panels {@code [headDim / WIDTH][BLOCK][WIDTH]}. */
  private void packValues(long from, TokenSlabs slabs, int count) {
    rows.range(from, headDim * slabs.dtype().bytes(), count);
    rows.widenToPanels(slabs.dtype(), headDim, values, BLOCK);
  }

  /** Six queries from {@code query} on and the packed keys from position {@code from} on. */
  private void attendBlock(Rows rows, int window, int query, int from) {
    int last = Math.min(query + ROWS, rows.count * group) - 1;
    int high = visibleEnd(rows, last, from);
    int low = visibleBegin(rows, window, query, from);
    if (low >= high) {
      return;
    }
    int begin = low / WIDTH * WIDTH;
    int end = MicroKernel.panels(high) * WIDTH;
    Arrays.fill(scores, 0);
    for (int i = begin; i < end; i += WIDTH) {
      MicroKernel.outer(queries, query * headDim, headDim, keys, i * headDim, headDim, scores, i,
          BLOCK);
    }
    for (int r = 0; r <= last - query; r++) {
      float factor = softmax.weigh(scores, r * BLOCK + begin,
          Math.max(0, visibleBegin(rows, window, query + r, from) - begin),
          visibleEnd(rows, query + r, from) - begin, end - begin, query + r);
      OnlineSoftmax.rescale(sums, (query + r) * padded, factor, padded);
    }
    for (int i = 0; i < padded; i += WIDTH) {
      MicroKernel.outer(scores, begin, BLOCK, values, (i / WIDTH * BLOCK + begin) * WIDTH,
          high - begin, sums, query * padded + i, padded);
    }
  }

  /** End of the keys of the block that query {@code query} sees, from the start of the block. */
  private int visibleEnd(Rows rows, int query, int from) {
    return Math.min(BLOCK, rows.position(query / group) + 1 - from);
  }

  /** First key of the block that query {@code query} sees, from the start of the block. */
  private int visibleBegin(Rows rows, int window, int query, int from) {
    return window > 0 ? Math.max(0, rows.position(query / group) + 1 - window - from) : 0;
  }

  private void writeSums(KvShape shape, Rows rows, long out) {
    for (int r = 0; r < rows.count; r++) {
      for (int g = 0; g < group; g++) {
        int query = r * group + g;
        Floats.write(sums, query * padded, 1 / softmax.sum[query],
            out + offset(shape, rows, r) + 4L * g * headDim, headDim);
      }
    }
  }
}
