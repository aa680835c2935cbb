package io.pariskv.app.cli;

import io.pariskv.generate.GenerationListener;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Shows a generation as it goes: the prefill as one line that rewrites itself where standard error is a
 * terminal, the answer as it grows. Ends the generation when nobody reads the answer any more.
 */
final class Terminal implements GenerationListener, AutoCloseable {
  private static final String CLEAR_LINE = "\r\u001b[K";

  private final PrintWriter out;
  private final PrintWriter err;
  private final boolean showText;
  private final boolean progress;
  private final LongSupplier nanoTime;
  /** Tokens that were in the cache already, or -1 before the first report. */
  private int cached = -1;
  private long start;
  private boolean lineOpen;

  Terminal(PrintWriter out, PrintWriter err, boolean showText) {
    this(out, err, showText, isInteractive(), System::nanoTime);
  }

  Terminal(PrintWriter out, PrintWriter err, boolean showText, boolean progress,
      LongSupplier nanoTime) {
    this.out = out;
    this.err = err;
    this.showText = showText;
    this.progress = progress;
    this.nanoTime = nanoTime;
  }

  /** Whether standard error is a terminal. The launcher can ask, Java cannot. */
  static boolean isInteractive() {
    return Boolean.getBoolean("pariskv.progress");
  }

  /** Shows how far a benchmark has come, as one line that rewrites itself where there is a terminal. */
  static Consumer<String> progress(PrintWriter err) {
    return line -> {
      if (isInteractive()) {
        err.print(CLEAR_LINE + line);
        err.flush();
      }
    };
  }

  /** Takes the line of {@link #progress} away, so that what follows stands alone. */
  static void endProgress(PrintWriter err) {
    if (isInteractive()) {
      err.print(CLEAR_LINE);
      err.flush();
    }
  }

  @Override
  public boolean onPrefill(int done, int total) {
    if (cached < 0) {
      cached = done;
      start = nanoTime.getAsLong();
    }
    if (progress) {
      err.print(CLEAR_LINE + line(done, total));
      lineOpen = true;
      if (done == total) {
        close();
      }
      err.flush();
    }
    return true;
  }

  /** Such as {@code prefill 4096 of 16384 tokens, 1530 tokens/s, 8 s left}. */
  private String line(int done, int total) {
    String line = "prefill " + done + " of " + total + " tokens";
    if (done == cached) { // nothing computed yet, so no rate
      return line;
    }
    double seconds = Math.max(nanoTime.getAsLong() - start, 1) / 1e9;
    double rate = (done - cached) / seconds;
    return line
        + String.format(Locale.ROOT, ", %.0f tokens/s, %.0f s left", rate, (total - done) / rate);
  }

  @Override
  public boolean onToken(int token, String text) {
    if (showText && !text.isEmpty()) {
      out.print(text);
      return !out.checkError(); // also flushes
    }
    return true;
  }

  /** Takes an unfinished progress line away, so that an error message stands alone. */
  @Override
  public void close() {
    if (lineOpen) {
      err.print(CLEAR_LINE);
      err.flush();
      lineOpen = false;
    }
  }
}
