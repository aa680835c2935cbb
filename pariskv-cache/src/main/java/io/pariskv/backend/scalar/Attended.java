package io.pariskv.backend.scalar;

import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.TokenSlabs;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** What a head attends in a decode step. */
final class Attended {
  private Attended() {
  }

  /**
   * The positions: sink, selected, recent.
   *
   * @param window attended tokens of a sliding window, or 0 for none
   * @param head of all rows' heads in the selection
   */
  static int[] positions(TokenZones zones, int window, @Nullable Selection selection, int head) {
    if (window > 0) {
      return IntStream.range(Math.max(0, zones.length() - window), zones.length()).toArray();
    }
    IntStream sink = IntStream.range(0, zones.sinkEnd());
    IntStream recent = IntStream.range(zones.recentStart(), zones.length());
    IntStream selected = IntStream.empty();
    if (selection != null) {
      long first = (long) head * selection.capacity();
      selected = IntStream.range(0, Elements.getInt(selection.counts(), head))
          .map(i -> zones.sinkEnd() + Elements.getInt(selection.positions(), first + i));
    }
    return IntStream.concat(IntStream.concat(sink, selected), recent).toArray();
  }

  /** {@code [positions][headDim]} of one KV head. */
  static float[] rows(TokenSlabs slabs, int kvHead, int[] positions) {
    float[] rows = new float[Math.multiplyExact(positions.length, slabs.width())];
    for (int i = 0; i < positions.length; i++) {
      float[] row = Elements.floats(slabs.row(kvHead, positions[i]), slabs.dtype());
      System.arraycopy(row, 0, rows, i * slabs.width(), slabs.width());
    }
    return rows;
  }
}
