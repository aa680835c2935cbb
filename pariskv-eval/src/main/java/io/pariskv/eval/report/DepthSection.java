package io.pariskv.eval.report;

import io.pariskv.eval.run.SampleLine;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/** Score by where the answer stands in the document, for tasks whose samples say so. */
final class DepthSection {
  private static final int ROWS = 5;

  private final Results results;

  DepthSection(Results results) {
    this.results = results;
  }

  List<Element> elements() {
    List<Element> maps = new ArrayList<>();
    for (String task : results.tasks()) {
      for (String method : results.methods()) {
        List<SampleLine> samples = results.samples(task, method).stream()
            .filter(line -> depth(line).isPresent() && line.outcome().score() != null).toList();
        if (!samples.isEmpty()) {
          maps.add(Page.figure(task + ", " + method, map(task, samples)));
        }
      }
    }
    return maps.isEmpty()
        ? List.of()
        : List.of(Page.heading("Needle depth by length"),
            Page.note(
                "Mean score of the samples whose answer stands at that share of the document."),
            Page.figures(maps));
  }

  /** The label {@code depth}, a share; ruler's tasks once wrote whole numbers of percent. */
  private static OptionalDouble depth(SampleLine line) {
    return switch (line.prompt().labels().get("depth")) {
      case Integer percent -> OptionalDouble.of(percent / 100.0);
      case Number share -> OptionalDouble.of(share.doubleValue());
      case null, default -> OptionalDouble.empty();
    };
  }

  private Element map(String task, List<SampleLine> samples) {
    List<Integer> lengths = results.lengths(task);
    List<String> rows = new ArrayList<>();
    List<List<OptionalDouble>> cells = new ArrayList<>();
    for (int row = 0; row < ROWS; row++) {
      int from = row;
      rows.add(100 * row / ROWS + " to " + 100 * (row + 1) / ROWS + "%");
      cells.add(lengths.stream().map(length -> samples.stream()
          .filter(line -> line.cell().length() == length
              && Math.min((int) (depth(line).orElse(0) * ROWS), ROWS - 1) == from)
          .mapToDouble(DepthSection::score).average()).toList());
    }
    return HeatMap.draw("score by depth and length", rows, results.shownLengths(task), cells);
  }

  private static double score(SampleLine line) {
    Double score = line.outcome().score();
    return score == null ? 0 : score;
  }
}
