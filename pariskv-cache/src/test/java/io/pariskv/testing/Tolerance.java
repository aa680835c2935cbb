package io.pariskv.testing;

import java.util.function.Supplier;
import org.junit.jupiter.api.AssertionFailureBuilder;

/** How far a float may be from the number it stands for. */
public final class Tolerance {
  private Tolerance() {
  }

  /**
   * Requires {@code |actual - expected| <= tolerance} of every element; a NaN is never close.
   *
   * @param context what was compared
   */
  public static void assertClose(double[] expected, float[] actual, double tolerance,
      Supplier<String> context) {
    assertClose(expected, actual, i -> tolerance, context);
  }

  /** Requires every element to be as close as the tolerance for it allows. */
  public static void assertClose(double[] expected, float[] actual, Allowed tolerance,
      Supplier<String> context) {
    if (expected.length != actual.length) {
      throw failure(expected.length + " elements", actual.length + " elements", context.get());
    }
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(actual[i] - expected[i]) <= tolerance.at(i))) {
        throw failure(expected[i] + " within " + tolerance.at(i), Float.toString(actual[i]),
            context.get() + ", element " + i);
      }
    }
  }

  /** Requires equal bits of every element, NaNs and the signs of zeros included. */
  public static void assertSameBits(float[] expected, float[] actual, Supplier<String> context) {
    if (expected.length != actual.length) {
      throw failure(expected.length + " elements", actual.length + " elements", context.get());
    }
    for (int i = 0; i < expected.length; i++) {
      if (Float.floatToRawIntBits(expected[i]) != Float.floatToRawIntBits(actual[i])) {
        throw failure(Float.toHexString(expected[i]), Float.toHexString(actual[i]),
            context.get() + ", element " + i);
      }
    }
  }

  private static AssertionError failure(Object expected, Object actual, String message) {
    return AssertionFailureBuilder.assertionFailure().message(message).expected(expected)
        .actual(actual).build();
  }

  /** The tolerance of one element. */
  @FunctionalInterface
  public interface Allowed {
    /** How far element {@code i} may be off. */
    double at(int i);
  }
}
