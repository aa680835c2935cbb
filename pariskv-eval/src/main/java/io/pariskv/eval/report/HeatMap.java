package io.pariskv.eval.report;

import java.util.List;
import java.util.OptionalDouble;

/** Scores by row and column, the better the stronger the colour; the number stands in each cell. */
final class HeatMap {
  private static final int CELL_WIDTH = 64;
  private static final int CELL_HEIGHT = 26;
  private static final int LEFT = 96;
  private static final int TOP = 8;
  private static final int BOTTOM = 26;

  private HeatMap() {
  }

  /** @param cells by row, then by column; empty where there is no sample */
  static Element draw(String title, List<String> rows, List<String> columns,
      List<List<OptionalDouble>> cells) {
    int width = LEFT + columns.size() * CELL_WIDTH + 4;
    int height = TOP + rows.size() * CELL_HEIGHT + BOTTOM;
    Element svg = new Element("svg", "class", "heat", "viewBox", "0 0 " + width + " " + height,
        "width", width, "role", "img", "aria-label", title);
    for (int row = 0; row < rows.size(); row++) {
      int y = TOP + row * CELL_HEIGHT;
      svg.add(text(LEFT - 8, y + 17, "end", rows.get(row)));
      for (int column = 0; column < columns.size(); column++) {
        OptionalDouble value = cells.get(row).get(column);
        int x = LEFT + column * CELL_WIDTH;
        svg.add(new Element("rect", "class", value.isPresent() ? "cell" : "none", "x", x + 1, "y",
            y + 1, "width", CELL_WIDTH - 2, "height", CELL_HEIGHT - 2, "fill-opacity",
            0.06 + 0.74 * value.orElse(0)));
        svg.add(text(x + CELL_WIDTH / 2, y + 17, "middle",
            value.isPresent() ? Numbers.of(value.getAsDouble()) : Numbers.NONE));
      }
    }
    for (int column = 0; column < columns.size(); column++) {
      svg.add(text(LEFT + column * CELL_WIDTH + CELL_WIDTH / 2, height - 8, "middle",
          columns.get(column)));
    }
    return svg;
  }

  private static Element text(int x, int y, String anchor, String text) {
    return new Element("text", "x", x, "y", y, "text-anchor", anchor).text(text);
  }
}
