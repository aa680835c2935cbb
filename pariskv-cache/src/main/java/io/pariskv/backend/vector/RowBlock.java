package io.pariskv.backend.vector;

import io.pariskv.memory.Bf16;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import jdk.incubator.vector.FloatVector;

/**
 * Addresses of some tokens' rows of K or V, and their widening to floats.
 *
 * <p>As many columns as registers allow are widened of a row before the next: memory is then read in
 * order, at its full speed, where two vectors of every row at a time take three times as long.
 */
final class RowBlock {
  private static final int LANES = Species.FLOATS.length();
  private static final int WIDTH = MicroKernel.WIDTH;
  private static final int CACHE_LINE = 64;

  private final long[] rows;
  private int count;

  RowBlock(int capacity) {
    rows = new long[capacity];
  }

  /** Takes {@code count} rows of {@code kvHead}, tokens {@code from} and following of {@code tokens}. */
  void gather(TokenSlabs slabs, int kvHead, AttendedTokens tokens, int from, int count) {
    this.count = count;
    int bytes = slabs.width() * slabs.dtype().bytes();
    int j = 0;
    while (j < count) {
      int position = tokens.position(from + j);
      int leftOfSlab = TokenSlabs.SLAB_TOKENS - (position & (TokenSlabs.SLAB_TOKENS - 1));
      int end = j + Math.min(Math.min(tokens.run(from + j), leftOfSlab), count - j);
      for (long row = slabs.address(kvHead, position); j < end; row += bytes) {
        rows[j++] = row;
      }
    }
  }

  /** Takes the rows of {@code count} tokens of {@code kvHead}: {@code first} plus each of the i32 at {@code positions}. */
  void take(TokenSlabs slabs, int kvHead, int first, long positions, int count) {
    this.count = count;
    for (int j = 0; j < count; j++) {
      rows[j] = slabs.address(kvHead, first + Raw.getInt(positions + 4L * j));
    }
  }

  /** Takes {@code count} rows that lie {@code bytes} apart from {@code address} on. */
  void range(long address, int bytes, int count) {
    this.count = count;
    for (int j = 0; j < count; j++) {
      rows[j] = address + (long) j * bytes;
    }
  }

  /** Fills up to a multiple of {@code multiple} rows with the last one. */
  void repeatLast(int multiple) {
    for (int j = count; j % multiple != 0; j++) {
      rows[j] = rows[count - 1];
    }
  }

  /**
   * Reads one word of every cache line, in the order of memory, so that what follows finds the rows in a
   * cache. The prefetchers of the processor follow such a walk at full speed, and lose the trail of one
   * that takes a part of every row at a time.
   *
   * @param bytes of one row
   * @return the sum of the words, for the compiler to believe they are needed
   */
  int touch(int bytes) {
    int sum = 0;
    int j = 0;
    while (j < count) {
      int first = j++;
      while (j < count && rows[j] == rows[j - 1] + bytes) {
        j++;
      }
      sum += touch(rows[first], (j - first) * bytes);
    }
    return sum;
  }

  private static int touch(long address, int bytes) {
    int sum = 0;
    for (int at = 0; at < bytes; at += CACHE_LINE) {
      sum += Raw.getInt((address & Raw.SPACE) + at);
    }
    return sum;
  }

  /** Addresses of the rows. */
  long[] addresses() {
    return rows;
  }

  /** Widens to {@code [rows][stride]}. */
  void widen(DType type, int width, float[] to, int stride) {
    widen(type, width, to, stride, WIDTH);
  }

  /** Widens to panels {@code [ceil(width / WIDTH)][capacity][WIDTH]}; missing columns are left alone. */
  void widenToPanels(DType type, int width, float[] to, int capacity) {
    widen(type, width, to, WIDTH, capacity * WIDTH);
  }

  private void widen(DType type, int width, float[] to, int rowStride, int panelStride) {
    boolean bf16 = type == DType.BF16;
    int i = 0;
    int at = 0;
    for (; i <= width - 4 * WIDTH; i += 4 * WIDTH) {
      if (bf16) {
        widenEightBf16(2L * i, to, at, rowStride, panelStride);
      } else {
        widenEightF32(4L * i, to, at, rowStride, panelStride);
      }
      at += 4 * panelStride;
    }
    for (; i <= width - WIDTH; i += WIDTH) {
      widenTwo(bf16, i, to, at, rowStride);
      at += panelStride;
    }
    if (i <= width - LANES) {
      widenOne(bf16, i, to, at, rowStride);
      i += LANES;
      at += LANES;
    }
    for (; i < width; i++) {
      widenScalar(bf16, i, to, at++, rowStride);
    }
  }

  private void widenEightBf16(long offset, float[] to, int at, int rowStride,
      int panelStride) {
    for (int j = 0; j < count; j++) {
      long row = rows[j] + offset;
      int o = at + j * rowStride;
      int o1 = o + panelStride;
      int o2 = o1 + panelStride;
      int o3 = o2 + panelStride;
      Raw.bf16(row).intoArray(to, o);
      Raw.bf16(row + 2L * LANES).intoArray(to, o + LANES);
      Raw.bf16(row + 4L * LANES).intoArray(to, o1);
      Raw.bf16(row + 6L * LANES).intoArray(to, o1 + LANES);
      Raw.bf16(row + 8L * LANES).intoArray(to, o2);
      Raw.bf16(row + 10L * LANES).intoArray(to, o2 + LANES);
      Raw.bf16(row + 12L * LANES).intoArray(to, o3);
      Raw.bf16(row + 14L * LANES).intoArray(to, o3 + LANES);
    }
  }

  private void widenEightF32(long offset, float[] to, int at, int rowStride,
      int panelStride) {
    for (int j = 0; j < count; j++) {
      long row = rows[j] + offset;
      int o = at + j * rowStride;
      int o1 = o + panelStride;
      int o2 = o1 + panelStride;
      int o3 = o2 + panelStride;
      Raw.f32(row).intoArray(to, o);
      Raw.f32(row + 4L * LANES).intoArray(to, o + LANES);
      Raw.f32(row + 8L * LANES).intoArray(to, o1);
      Raw.f32(row + 12L * LANES).intoArray(to, o1 + LANES);
      Raw.f32(row + 16L * LANES).intoArray(to, o2);
      Raw.f32(row + 20L * LANES).intoArray(to, o2 + LANES);
      Raw.f32(row + 24L * LANES).intoArray(to, o3);
      Raw.f32(row + 28L * LANES).intoArray(to, o3 + LANES);
    }
  }

  private void widenTwo(boolean bf16, int column, float[] to, int at, int stride) {
    for (int j = 0; j < count; j++) {
      FloatVector first = load(bf16, rows[j], column);
      FloatVector second = load(bf16, rows[j], column + LANES);
      first.intoArray(to, at + j * stride);
      second.intoArray(to, at + j * stride + LANES);
    }
  }

  private void widenOne(boolean bf16, int column, float[] to, int at, int stride) {
    for (int j = 0; j < count; j++) {
      load(bf16, rows[j], column).intoArray(to, at + j * stride);
    }
  }

  private static FloatVector load(boolean bf16, long row, int column) {
    return bf16 ? Raw.bf16(row + 2L * column) : Raw.f32(row + 4L * column);
  }

  private void widenScalar(boolean bf16, int column, float[] to, int at, int stride) {
    for (int j = 0; j < count; j++) {
      to[at + j * stride] = bf16
          ? Bf16.toFloat(Raw.getShort(rows[j] + 2L * column))
          : Raw.getFloat(rows[j] + 4L * column);
    }
  }
}
