package io.pariskv.backend.vector;

import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * The tokens that a row and head attends, in order: sink, selected, recent.
 *
 * @param sink the sink is positions {@code [0, sink)}
 * @param selected how many follow from the retrieval zone
 * @param selection address of their zone positions, i32
 * @param logWeights address of what is added to their scores, f32, or 0 for nothing
 * @param recentStart first of the recent positions
 * @param length end of the recent positions
 */
record AttendedTokens(int sink, int selected, long selection, long logWeights, int recentStart,
    int length) {

  /**
   * What the zones, the sliding window (0 for none) and the selection say.
   *
   * @param head of all rows' heads in the selection
   */
  static AttendedTokens of(TokenZones zones, int window, @Nullable Selection selection, int head) {
    int length = zones.length();
    if (window > 0) {
      return new AttendedTokens(0, 0, 0, 0, Math.max(0, length - window), length);
    }
    int selected = 0;
    long address = 0;
    if (selection != null) {
      selected = Raw.getInt(selection.counts().address() + 4L * head);
      address = selection.positions().address() + 4L * head * selection.capacity();
      if (selected < 0 || selected > Math.min(selection.capacity(), zones.retrievalTokens())) {
        throw new IllegalArgumentException(selected + " keys selected, but there is room for "
            + selection.capacity() + " and the retrieval zone has " + zones.retrievalTokens());
      }
    }
    return new AttendedTokens(zones.sinkEnd(), selected, address, 0, zones.recentStart(), length);
  }

  /** The same with {@code logWeights}, {@code [rows][heads][capacity] f32}, if there are any. */
  AttendedTokens weighted(@Nullable Buffer logWeights, Selection selection, int head) {
    return logWeights == null || selected == 0
        ? this
        : new AttendedTokens(sink, selected, this.selection,
            logWeights.address() + 4L * head * selection.capacity(), recentStart, length);
  }

  /** What is added to the score of token {@code i}. */
  float logWeight(int i) {
    return i < sink || i >= sink + selected ? 0 : Raw.getFloat(logWeights + 4L * (i - sink));
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
