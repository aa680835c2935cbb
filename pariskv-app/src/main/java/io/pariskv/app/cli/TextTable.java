package io.pariskv.app.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** A table on a terminal: columns as wide as what they hold, words on the left and numbers on the right. */
final class TextTable {
  private static final String GAP = "  ";

  private final int words;
  private final List<List<String>> rows = new ArrayList<>();

  /**
   * A table of a row of titles.
   *
   * @param words columns from the left that are words
   */
  TextTable(int words, String... titles) {
    this.words = words;
    row(titles);
  }

  /** Adds a row; a cell beyond the titles has no column and follows as it is. */
  void row(String... cells) {
    rows.add(Arrays.asList(cells));
  }

  void print(PrintWriter out) {
    int columns = rows.getFirst().size();
    int[] widths = IntStream.range(0, columns)
        .map(i -> rows.stream().mapToInt(row -> row.get(i).length()).max().orElse(0)).toArray();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < row.size(); i++) {
        String cell = row.get(i);
        String blanks = i < columns ? " ".repeat(widths[i] - cell.length()) : "";
        line.append(i == 0 ? "" : GAP).append(i < words ? cell + blanks : blanks + cell);
      }
      out.println(line.toString().stripTrailing());
    }
  }
}
