package io.pariskv.text.jinja;

import java.util.List;
import java.util.Map;

/**
 * Counts what one render uses and refuses what goes beyond the limits.
 *
 * <p>Every list, dict and string that a template makes comes from here, so that time and memory stay in
 * proportion to the limits. Not thread-safe; one per render.
 */
final class Budget {
  private static final int CHARS_PER_STEP = 64;
  /** An element with an object of its own weighs several times a reference. */
  private static final int STEPS_PER_NEW_VALUE = 8;
  private static final int ALL_TEXT_FACTOR = 8;

  private final JinjaLimits limits;
  private long steps;
  private long chars;
  private int depth;

  Budget(JinjaLimits limits) {
    this.limits = limits;
  }

  JinjaLimits limits() {
    return limits;
  }

  /** Counts evaluations, or elements looked at. */
  void steps(long count) {
    steps += count;
    if (steps > limits.steps() || count < 0) {
      throw new Problem("the template needs more than " + limits.steps()
          + " steps of evaluation; shorten the conversation or raise the limit 'steps'");
    }
  }

  /** Counts the time to look at {@code length} characters. */
  void reading(long length) {
    steps(length / CHARS_PER_STEP);
  }

  /** Counts the time to look for {@code needle} in {@code text}, at worst their product. */
  void searching(String text, String needle) {
    steps(text.length() / CHARS_PER_STEP + (long) text.length() * needle.length() / 128);
  }

  /** Counts {@code count} elements that are about to be made. */
  void newValues(long count) {
    steps(Math.multiplyExact(STEPS_PER_NEW_VALUE, count));
  }

  /** Counts {@code added} characters of a string that has {@code length} so far. */
  void characters(long length, long added) {
    if (length + added > limits.outputChars()) {
      throw new Problem("a text grows beyond " + limits.outputChars()
          + " characters; shorten the conversation or raise the limit 'outputChars'");
    }
    chars += added;
    if (chars > (long) ALL_TEXT_FACTOR * limits.outputChars()) {
      throw new Problem(
          "the template makes more than " + ALL_TEXT_FACTOR + " times " + limits.outputChars()
              + " characters of text; shorten the conversation or raise the limit 'outputChars'");
    }
    reading(added);
  }

  /** Enters one level of nesting; pair with {@link #leave}. */
  void enter() {
    if (++depth > limits.depth()) {
      throw new Problem("expressions, blocks and macro calls nest deeper than " + limits.depth()
          + " levels; simplify the template or raise the limit 'depth'");
    }
  }

  void leave() {
    depth--;
  }

  Value.Str text(String text) {
    characters(0, text.length());
    return new Value.Str(text);
  }

  Value.Seq list(List<Value> items) {
    return sequence(Value.Seq.Kind.LIST, items);
  }

  Value.Seq tuple(Value... items) {
    return sequence(Value.Seq.Kind.TUPLE, List.of(items));
  }

  /** A sequence over {@code items}, which the caller must not change any more. */
  Value.Seq sequence(Value.Seq.Kind kind, List<Value> items) {
    steps(items.size());
    return new Value.Seq(kind, items, depthOver(items));
  }

  /** A dict over {@code entries}, which the caller must not change any more. */
  Value.Dict dict(Map<Value.Scalar, Value> entries) {
    newValues(entries.size());
    return new Value.Dict(entries, depthOver(entries.values()));
  }

  private int depthOver(Iterable<Value> items) {
    int deepest = 0;
    for (Value item : items) {
      deepest = Math.max(deepest, item.depth());
    }
    if (deepest >= limits.depth()) {
      throw new Problem("lists and dicts nest deeper than " + limits.depth()
          + " levels; flatten the data or raise the limit 'depth'");
    }
    return deepest + 1;
  }
}
