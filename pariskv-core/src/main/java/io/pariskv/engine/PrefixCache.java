package io.pariskv.engine;

import io.pariskv.generate.Sequence;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The sequences of ended requests, in the order of their last use, for requests that begin with the same tokens: one that
 * goes on with most of a sequence takes it, others copy from it. Whoever saves caches elsewhere before they go does it in
 * {@link #drop}.
 */
final class PrefixCache {
  private final long budget;
  private final List<Sequence> kept = new ArrayList<>();

  /** @param budget most tokens */
  PrefixCache(long budget) {
    this.budget = budget;
  }

  /** Keeps a sequence; drops those used least recently beyond the budget. */
  void keep(Sequence sequence) {
    kept.add(sequence);
    while (tokens() > budget) {
      drop(kept.getFirst());
    }
  }

  /**
   * The sequence that shares most with a prompt, null if none is worth it: a long conversation is not cut to a greeting
   * that all of them begin with, since more would be lost than gained; what they share can be copied.
   */
  @Nullable
  Sequence match(int[] prompt) {
    Sequence best = null;
    int longest = 0;
    for (Sequence sequence : kept) {
      int shared = sequence.commonPrefix(prompt);
      if (shared >= Math.max(longest, (sequence.length() + 1) / 2)) {
        best = sequence;
        longest = shared;
      }
    }
    return longest == 0 ? null : best;
  }

  /** All that are kept, those used least recently first. */
  List<Sequence> all() {
    return List.copyOf(kept);
  }

  /** Hands over a sequence that is kept; the caller closes it. */
  void take(Sequence sequence) {
    kept.remove(sequence);
  }

  /** The sequence used least recently, but for {@code other}; null if there is none. */
  @Nullable
  Sequence oldestBut(@Nullable Sequence other) {
    for (Sequence sequence : kept) {
      if (sequence != other) {
        return sequence;
      }
    }
    return null;
  }

  /** Frees a sequence that is kept. */
  void drop(Sequence sequence) {
    kept.remove(sequence);
    sequence.close();
  }

  int size() {
    return kept.size();
  }

  /** Tokens that are kept. */
  long tokens() {
    return kept.stream().mapToLong(Sequence::length).sum();
  }

  /** Tokens that memory is held for. */
  long room() {
    return kept.stream().mapToLong(Sequence::mostTokens).sum();
  }

  /** Frees all of them; returns whether there were any. */
  boolean clear() {
    boolean any = !kept.isEmpty();
    while (!kept.isEmpty()) {
      drop(kept.getLast());
    }
    return any;
  }
}
