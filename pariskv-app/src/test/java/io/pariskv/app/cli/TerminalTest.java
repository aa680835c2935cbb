package io.pariskv.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** The progress line and the streamed answer. */
class TerminalTest {
  private static final String CLEAR = "\r\u001b[K";

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final AtomicLong nanos = new AtomicLong(5_000_000_000L);

  private Terminal terminal(boolean showText, boolean progress) {
    return new Terminal(new PrintWriter(out), new PrintWriter(err), showText, progress, nanos::get);
  }

  @Test
  void rate_countsOnlyTokensComputedNow() {
    Terminal terminal = terminal(true, true);
    terminal.onPrefill(9_000, 12_000);
    nanos.addAndGet(2_000_000_000L);
    terminal.onPrefill(10_000, 12_000);
    assertEquals(CLEAR + "prefill 9000 of 12000 tokens" + CLEAR
        + "prefill 10000 of 12000 tokens, 500 tokens/s, 4 s left", err.toString());
  }

  @Test
  void endOfThePrompt_takesTheLineAway() {
    Terminal terminal = terminal(true, true);
    terminal.onPrefill(0, 10);
    terminal.onPrefill(10, 10);
    terminal.onToken(1, "hi");
    assertTrue(err.toString().endsWith("s left" + CLEAR), err.toString());
    assertEquals("hi", out.toString());
    terminal.close();
    assertTrue(err.toString().endsWith("s left" + CLEAR), "nothing more to clear");
  }

  @Test
  void prefillThatEndsEarly_leavesNoLine() {
    Terminal terminal = terminal(true, true);
    terminal.onPrefill(0, 10);
    terminal.close();
    assertTrue(err.toString().endsWith(CLEAR), err.toString());
  }

  @Test
  void noTimePassed_isNoDivisionByZero() {
    Terminal terminal = terminal(true, true);
    terminal.onPrefill(0, 10);
    terminal.onPrefill(5, 10);
    assertFalse(err.toString().contains("NaN") || err.toString().contains("Infinity"),
        err.toString());
  }

  @Test
  void withoutATerminal_nothingIsPrintedOnStandardError() {
    Terminal terminal = terminal(true, false);
    terminal.onPrefill(0, 10);
    terminal.onPrefill(10, 10);
    terminal.onToken(1, "hi");
    terminal.close();
    assertEquals("", err.toString());
    assertEquals("hi", out.toString());
  }

  @Test
  void withoutText_nothingIsPrintedOnStandardOutput() {
    assertTrue(terminal(false, false).onToken(1, "hi"));
    assertEquals("", out.toString());
  }

  @Test
  void readerThatWentAway_endsTheGeneration() {
    PrintWriter closed = new PrintWriter(new Writer() {
      @Override
      public void write(char[] text, int offset, int length) throws IOException {
        throw new IOException("Broken pipe");
      }

      @Override
      public void flush() {
      }

      @Override
      public void close() {
      }
    });
    Terminal terminal = new Terminal(closed, new PrintWriter(err), true, false, nanos::get);
    assertTrue(terminal.onToken(1, ""), "nothing to write yet");
    assertFalse(terminal.onToken(1, "hi"));
  }
}
