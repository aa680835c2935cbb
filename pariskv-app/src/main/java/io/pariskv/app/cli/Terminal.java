package io.pariskv.app.cli;

import io.pariskv.generate.GenerationListener;
import java.io.PrintWriter;
import java.util.Locale;

/**
 * Shows a generation as it goes: the prefill as one line that rewrites itself where standard error is a
 * terminal, the answer as it grows.
 */
final class Terminal implements GenerationListener {
  /** Set by the launcher, which can ask; Java cannot. */
  private static final boolean PROGRESS = Boolean.getBoolean("pariskv.progress");

  private final PrintWriter out;
  private final PrintWriter err;
  private final boolean showText;
  private final long start = System.nanoTime();
  private int firstDone = -1;
  private boolean lineOpen;

  Terminal(PrintWriter out, PrintWriter err, boolean showText) {
    this.out = out;
    this.err = err;
    this.showText = showText;
  }

  @Override
  public boolean onPrefill(int done, int total) {
    if (PROGRESS) {
      err.print("\r" + progress(done, total, (System.nanoTime() - start) / 1e9) + "\u001b[K");
      lineOpen = true;
      if (done == total) {
        clearLine();
      }
      err.flush();
    }
    return true;
  }

  /** Such as {@code prefill 4096 of 16384 tokens, 1530 tokens/s, 8 s left}. */
  private String progress(int done, int total, double seconds) {
    if (firstDone < 0) {
      firstDone = 0;
    }
    double rate = (done - firstDone) / Math.max(seconds, 1e-9);
    return String.format(Locale.ROOT, "prefill %d of %d tokens, %.0f tokens/s, %.0f s left", done,
        total,
        rate, (total - done) / Math.max(rate, 1e-9));
  }

  private void clearLine() {
    if (lineOpen) {
      err.print("\r\u001b[K");
      lineOpen = false;
    }
  }

  @Override
  public boolean onToken(int token, String text) {
    if (showText && !text.isEmpty()) {
      out.print(text);
      out.flush();
    }
    return true;
  }
}
