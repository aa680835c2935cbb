package io.pariskv.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class TextTableTest {

  @Test
  void columnsAreAsWideAsWhatTheyHold_andWhatIsBeyondThemFollows() {
    TextTable table = new TextTable(1, "method", "score", "ms");
    table.row("pariskv:sharp/per-head", "1.000", "");
    table.row("full", "", "12.25", "nll 1.5");
    StringWriter text = new StringWriter();
    table.print(new PrintWriter(text, true));
    assertEquals("""
        method                  score     ms
        pariskv:sharp/per-head  1.000
        full                           12.25  nll 1.5
        """, text.toString().replace(System.lineSeparator(), "\n"));
  }
}
