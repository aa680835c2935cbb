package io.pariskv.constrain;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Numbers of at least and at most some value, digit by digit without exponent: as long as what was read equals the beginning of a
 * bound, the bound limits the next digit; after that it says nothing any more.
 */
final class RangeRules {
  private static final int MAX_DIGITS = JsonRules.MAX_DIGITS;

  private final Grammar grammar;
  private final boolean whole;

  RangeRules(Grammar grammar, boolean whole) {
    this.grammar = grammar;
    this.whole = whole;
  }

  /**
   * One end of a range.
   *
   * @param value of at most 40 digits before and after the point
   * @param exclusive whether the value itself is outside
   */
  record Bound(BigDecimal value, boolean exclusive) {
    Bound negated() {
      return new Bound(value.negate(), exclusive);
    }

    /** Of two lower bounds the higher. */
    static @Nullable Bound higher(@Nullable Bound a, @Nullable Bound b) {
      if (a == null || b == null) {
        return a == null ? b : a;
      }
      int order = a.value.compareTo(b.value);
      return order > 0 || (order == 0 && a.exclusive) ? a : b;
    }

    private String digits() {
      return value.toBigInteger().toString();
    }

    private int fractionDigit(int i) {
      String text = value.remainder(BigDecimal.ONE).setScale(MAX_DIGITS, RoundingMode.UNNECESSARY)
          .toPlainString();
      return text.charAt(text.length() - MAX_DIGITS + i) - '0';
    }

    /** Whether all digits of the fraction from one on are zero. */
    private boolean zeroFrom(int i) {
      return value.stripTrailingZeros().scale() <= i;
    }
  }

  /** Numbers between bounds, null for none; then the end of the rule. */
  Node rule(@Nullable Bound lower, @Nullable Bound upper) {
    Bound zero = new Bound(BigDecimal.ZERO, false);
    Node positive = upper != null && upper.value.signum() < 0
        ? grammar.node()
        : new Magnitudes(lower == null || lower.value.signum() < 0 ? zero : lower, upper).rule();
    if (lower != null && lower.value.signum() >= 0) {
      return positive;
    }
    Bound least = upper == null || upper.value.signum() >= 0
        ? new Bound(BigDecimal.ZERO, true)
        : upper.negated();
    return grammar.choice(positive, grammar.literal("-",
        new Magnitudes(least, lower == null ? null : lower.negated()).rule()));
  }

  /** Numbers without sign. */
  private final class Magnitudes {
    private final Bound lower;
    private final @Nullable Bound upper;
    private final Map<Position, Node> places = new HashMap<>();

    /**
     * @param length how many digits stand before the point; 0 if that makes no difference any more
     * @param done how many have been read, those after the point counted on; of those that make no difference, how many are left
     * @param low whether what was read is the beginning of the lower bound
     * @param high whether it is the beginning of the upper one
     */
    private record Position(int length, int done, boolean low, boolean high) {
    }

    Magnitudes(Bound lower, @Nullable Bound upper) {
      this.lower = whole ? new Bound(wholeFrom(lower), false) : lower;
      this.upper = whole && upper != null ? new Bound(wholeTo(upper), false) : upper;
    }

    private static BigDecimal wholeFrom(Bound bound) {
      BigDecimal up = bound.value.setScale(0, RoundingMode.CEILING);
      return bound.exclusive && up.compareTo(bound.value) == 0 ? up.add(BigDecimal.ONE) : up;
    }

    private static BigDecimal wholeTo(Bound bound) {
      BigDecimal down = bound.value.setScale(0, RoundingMode.FLOOR);
      return bound.exclusive && down.compareTo(bound.value) == 0
          ? down.subtract(BigDecimal.ONE)
          : down;
    }

    Node rule() {
      Node rule = grammar.node();
      if (upper != null && upper.value.signum() < 0) {
        return rule;
      }
      int least = lower.digits().length();
      int most = upper == null ? MAX_DIGITS : upper.digits().length();
      for (int length = least; length <= Math.min(most, MAX_DIGITS); length++) {
        rule.or(before(length, 0, length == least, upper != null && length == most));
      }
      return rule;
    }

    /** Within the digits before the point. */
    private Node before(int length, int done, boolean low, boolean high) {
      if (done == length) {
        return after(0, low, high, true);
      }
      Position position = !low && !high && done > 0
          ? new Position(0, length - done, false, false)
          : new Position(length, done, low, high);
      Node known = places.get(position);
      if (known != null) {
        return known;
      }
      Node place = grammar.node();
      places.put(position, place);
      int from = low ? lower.digits().charAt(done) - '0' : done == 0 && length > 1 ? 1 : 0;
      int to = high && upper != null ? upper.digits().charAt(done) - '0' : 9;
      for (int digit = from; digit <= to; digit++) {
        place.on('0' + digit, '0' + digit,
            before(length, done + 1, low && digit == from, high && digit == to));
      }
      return place;
    }

    /** After so many digits of the fraction; before the point if that has not been read. */
    private Node after(int done, boolean low, boolean high, boolean point) {
      Position position = new Position(-1, point ? -1 : done, low, high);
      Node known = places.get(position);
      if (known != null) {
        return known;
      }
      Node place = grammar.node();
      places.put(position, place);
      boolean enough = !low || (lower.zeroFrom(done) && !lower.exclusive);
      boolean notMore = !high || upper == null || !upper.zeroFrom(done) || !upper.exclusive;
      if (enough && notMore && (point || done > 0)) {
        place.or(grammar.end);
      }
      if (point && !whole) {
        place.on('.', '.', after(0, low, high, false));
      } else if (!point && done < MAX_DIGITS) {
        int from = low ? lower.fractionDigit(done) : 0;
        int to = high && upper != null ? upper.fractionDigit(done) : 9;
        for (int digit = from; digit <= to; digit++) {
          place.on('0' + digit, '0' + digit,
              after(done + 1, low && digit == from, high && digit == to, false));
        }
      }
      return place;
    }
  }
}
