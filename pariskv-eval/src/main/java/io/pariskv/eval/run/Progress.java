package io.pariskv.eval.run;

import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Says how far a run has come and how long it may take. Work is counted as if a prompt's time were proportional to {@code
 * length * (length + 8192)}: linear layers, and attention that grows with the square. Any thread may tell it.
 */
final class Progress {
  private final Consumer<String> out;
  private final LongSupplier nanoTime;
  private double left;
  private double done;
  private long start = -1;

  Progress(Consumer<String> out, LongSupplier nanoTime) {
    this.out = out;
    this.nanoTime = nanoTime;
  }

  /** Samples that are to come. */
  synchronized void expect(int length, int count) {
    left += count * work(length);
  }

  private static double work(int length) {
    return Math.max(length, 1) * (length + 8192.0);
  }

  /** Samples that need not be computed. */
  synchronized void skip(int length, int count) {
    left -= count * work(length);
  }

  synchronized void begin(String what) {
    if (start < 0) {
      start = nanoTime.getAsLong();
    }
    out.accept(what + timeLeft());
  }

  synchronized void finished(int length) {
    left -= work(length);
    done += work(length);
  }

  private String timeLeft() {
    if (done == 0) {
      return "";
    }
    double seconds = (nanoTime.getAsLong() - start) / 1e9 * Math.max(left, 0) / done;
    return seconds < 120
        ? String.format(Locale.ROOT, ", about %.0f s left", seconds)
        : String.format(Locale.ROOT, ", about %.0f min left", seconds / 60);
  }
}
