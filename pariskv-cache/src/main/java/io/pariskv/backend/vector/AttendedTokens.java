package io.pariskv.backend.vector;

import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import org.jspecify.annotations.Nullable;

/**
 * The tokens that a row and KV head attends, in order: sink, selected, recent.
 *
 * @param sink the sink is positions {@code [0, sink)}
 * @param selected how many follow from the retrieval zone
 * @param selection address of their zone positions, i32
 * @param recentStart first of the recent positions
 * @param length end of the recent positions
 */
record AttendedTokens(int sink, int selected, long selection, int recentStart, int length) {

  /**
   * What the zones, the sliding window (0 for none) and the selection say.
   *
   * @param pair {@code row * kvHeads + kvHead}
   */
  static AttendedTokens of(TokenZones zones, int window, @Nullable Selection selection, int pair) {
    int length = zones.length();
    if (window > 0) {
      return new AttendedTokens(0, 0, 0, Math.max(0, length - window), length);
    }
    int selected = 0;
    long address = 0;
    if (selection != null) {
      selected = Raw.getInt(selection.counts().address() + 4L * pair);
      address = selection.positions().address() + 4L * pair * selection.capacity();
      if (selected < 0 || selected > Math.min(selection.capacity(), zones.retrievalTokens())) {
        throw new IllegalArgumentException(selected + " keys selected, but there is room for "
            + selection.capacity() + " and the retrieval zone has " + zones.retrievalTokens());
      }
    }
    return new AttendedTokens(zones.sinkEnd(), selected, address, zones.recentStart(), length);
  }

  /** How many. */
  int count() {
    return sink + selected + length - recentStart;
  }

  /** How many of them from token {@code i} on are neighbours for certain, itself included. */
  int run(int i) {
    if (i < sink) {
      return sink - i;
    }
    return i < sink + selected ? 1 : count() - i;
  }

  /** Position of token {@code i} of them. */
  int position(int i) {
    if (i < sink) {
      return i;
    }
    return i < sink + selected
        ? sink + Raw.getInt(selection + 4L * (i - sink))
        : recentStart + i - sink - selected;
  }
}
