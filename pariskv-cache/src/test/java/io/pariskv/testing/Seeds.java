package io.pariskv.testing;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestWatcher;
import org.jspecify.annotations.Nullable;

/**
 * The one seed of a test run. Another one every run; a failure of a {@link Seeded} test prints it, and
 * {@code -Dpariskv.seed=} runs with it again.
 */
public final class Seeds {
  private static final String PROPERTY = "pariskv.seed";
  private static final long SEED = Long.getLong(PROPERTY, new SplittableRandom().nextLong());

  private Seeds() {
  }

  /**
   * Random numbers that depend on the run's seed and on what they are for, not on which tests ran before.
   *
   * @param purpose anything whose text names the case
   */
  public static RandomGenerator random(Object... purpose) {
    return new SplittableRandom(SEED + 0x9e3779b97f4a7c15L * Arrays.toString(purpose).hashCode());
  }

  /** Prints the seed when a test fails. */
  static final class Reporter implements TestWatcher {
    @Override
    public void testFailed(ExtensionContext context, @Nullable Throwable cause) {
      System.err.println(context.getDisplayName() + " failed; run it again with -D" + PROPERTY
          + "=" + SEED);
    }
  }
}
