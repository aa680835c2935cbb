package io.pariskv.eval.report;

import io.pariskv.eval.stats.Interval;
import java.util.List;
import java.util.Optional;

/** Scores by row and column, the better the stronger the colour; a cell shows the mean and n, its title the interval. */
final class HeatMap {
  private static final int CELL_WIDTH = 64;
  private static final int CELL_HEIGHT = 38;
  private static final int LEFT = 96;
  private static final int TOP = 8;
  private static final int BOTTOM = 26;

  private HeatMap() {
  }

  /** @param cells by row, then by column; empty where there is no sample */
  static Element draw(String title, List<String> rows, List<String> columns,
      List<List<Optional<Interval>>> cells) {
    int width = LEFT + columns.size() * CELL_WIDTH + 4;
    int height = TOP + rows.size() * CELL_HEIGHT + BOTTOM;
    Element svg = new Element("svg", "class", "heat", "viewBox", "0 0 " + width + " " + height,
        "width", width, "role", "img", "aria-label", title);
    for (int row = 0; row < rows.size(); row++) {
      int y = TOP + row * CELL_HEIGHT;
      svg.add(text(LEFT - 8, y + CELL_HEIGHT / 2 + 4, "end", rows.get(row)));
      for (int column = 0; column < columns.size(); column++) {
        svg.add(cell(LEFT + column * CELL_WIDTH, y, cells.get(row).get(column)));
      }
    }
    for (int column = 0; column < columns.size(); column++) {
      svg.add(text(LEFT + column * CELL_WIDTH + CELL_WIDTH / 2, height - 8, "middle",
          columns.get(column)));
    }
    return svg;
  }

  private static Element cell(int x, int y, Optional<Interval> mean) {
    Element cell = new Element("g");
    mean.ifPresent(each -> cell.add(new Element("title").text(Numbers.withCount(each))));
    cell.add(new Element("rect", "class", mean.isPresent() ? "cell" : "none", "x", x + 1, "y",
        y + 1, "width", CELL_WIDTH - 2, "height", CELL_HEIGHT - 2, "fill-opacity",
        0.06 + 0.74 * mean.map(Interval::mean).orElse(0.0)));
    int middle = x + CELL_WIDTH / 2;
    cell.add(text(middle, y + 17, "middle",
        mean.map(each -> Numbers.of(each.mean())).orElse(Numbers.NONE)));
    mean.ifPresent(each -> cell.add(text(middle, y + 31, "middle", "n = " + each.samples())));
    return cell;
  }

  private static Element text(int x, int y, String anchor, String text) {
    return new Element("text", "x", x, "y", y, "text-anchor", anchor).text(text);
  }
}
