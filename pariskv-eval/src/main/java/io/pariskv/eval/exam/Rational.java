package io.pariskv.eval.exam;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An exact number, as answers write them: {@code -7}, {@code .5}, {@code 3/4}, {@code 1\frac{1}{2}}. */
record Rational(BigInteger numerator, BigInteger denominator) {
  private static final int LONGEST = 200;
  private static final String NUMBER = "([+-]?(?:\\d+\\.?\\d*|\\.\\d+))";
  private static final Pattern PLAIN = Pattern.compile(NUMBER);
  private static final Pattern SLASH = Pattern.compile(NUMBER + "/" + NUMBER);
  private static final Pattern FRACTION = Pattern
      .compile("([+-]?)(\\d*)\\\\frac\\{" + NUMBER + "}\\{" + NUMBER + "}");

  /** The number that a normal answer is, if it is one. */
  static Optional<Rational> of(String answer) {
    if (answer.length() > LONGEST) {
      return Optional.empty();
    }
    Matcher plain = PLAIN.matcher(answer);
    if (plain.matches()) {
      return Optional.of(decimal(answer));
    }
    Matcher slash = SLASH.matcher(answer);
    if (slash.matches()) {
      return quotient(slash.group(1), slash.group(2));
    }
    Matcher fraction = FRACTION.matcher(answer);
    if (!fraction.matches()) {
      return Optional.empty();
    }
    String whole = fraction.group(2);
    return quotient(fraction.group(3), fraction.group(4))
        .map(part -> whole.isEmpty() ? part : part.plus(new BigInteger(whole)))
        .map(value -> fraction.group(1).equals("-") ? value.negated() : value);
  }

  private static Rational decimal(String text) {
    BigDecimal value = new BigDecimal(text);
    return value.scale() <= 0
        ? new Rational(value.toBigIntegerExact(), BigInteger.ONE)
        : new Rational(value.unscaledValue(), BigInteger.TEN.pow(value.scale()));
  }

  private static Optional<Rational> quotient(String above, String below) {
    Rational a = decimal(above);
    Rational b = decimal(below);
    return b.numerator.signum() == 0
        ? Optional.empty()
        : Optional.of(new Rational(a.numerator.multiply(b.denominator),
            a.denominator.multiply(b.numerator)));
  }

  private Rational plus(BigInteger whole) {
    return new Rational(numerator.add(whole.multiply(denominator)), denominator);
  }

  private Rational negated() {
    return new Rational(numerator.negate(), denominator);
  }

  /** Whether it is the same number, written as any fraction. */
  boolean sameAs(Rational other) {
    return numerator.multiply(other.denominator).equals(other.numerator.multiply(denominator));
  }
}
