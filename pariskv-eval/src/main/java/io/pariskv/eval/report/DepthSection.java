package io.pariskv.eval.report;

import io.pariskv.eval.run.SampleLine;
import io.pariskv.eval.run.Scores;
import io.pariskv.eval.stats.Interval;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/** Score by where the answer stands in the document, for tasks whose samples say so. */
final class DepthSection {
  private static final int ROWS = 5;

  private final Results results;

  DepthSection(Results results) {
    this.results = results;
  }

  List<Element> elements() {
    List<Element> elements = new ArrayList<>();
    results.tasks().forEach(task -> section(task, elements));
    if (!elements.isEmpty()) {
      elements.addAll(0, List.of(Page.heading("Needle depth by length"), Page.note(
          "Mean score of the samples whose answer stands at that share of the document, and how many they are; with "
              + "intervals in the table.")));
    }
    return elements;
  }

  private void section(String task, List<Element> elements) {
    List<String> columns = new ArrayList<>(List.of("method, depth"));
    columns.addAll(results.shownLengths(task));
    Table table = new Table(columns);
    List<Element> maps = new ArrayList<>();
    for (String method : results.methods()) {
      List<SampleLine> samples = results.samples(task, method).stream()
          .filter(line -> depth(line).isPresent() && line.outcome().score() != null).toList();
      if (!samples.isEmpty()) {
        List<List<Optional<Interval>>> cells = cells(task, samples);
        maps.add(Page.figure(task + ", " + method, HeatMap.draw("score by depth and length",
            rows(), results.shownLengths(task), cells)));
        for (int row = 0; row < ROWS; row++) {
          table.row(method + ", " + rows().get(row), cells.get(row).stream()
              .map(cell -> cell.map(Numbers::withCount).orElse(Numbers.NONE)).toList());
        }
      }
    }
    if (!maps.isEmpty()) {
      elements.add(Page.figures(maps));
      elements.add(new Element("details")
          .add(new Element("summary").text(task + ": intervals by depth"))
          .add(table.toElement()));
    }
  }

  /** The label {@code depth}, a share; ruler's tasks once wrote whole numbers of percent. */
  private static OptionalDouble depth(SampleLine line) {
    return switch (line.prompt().labels().get("depth")) {
      case Integer percent -> OptionalDouble.of(percent / 100.0);
      case Number share -> OptionalDouble.of(share.doubleValue());
      case null, default -> OptionalDouble.empty();
    };
  }

  private static List<String> rows() {
    return IntStream.range(0, ROWS)
        .mapToObj(row -> 100 * row / ROWS + " to " + 100 * (row + 1) / ROWS + "%").toList();
  }

  /** By row, then by length. */
  private List<List<Optional<Interval>>> cells(String task, List<SampleLine> samples) {
    return IntStream.range(0, ROWS).mapToObj(row -> results.lengths(task).stream()
        .map(length -> Scores.score(samples.stream()
            .filter(line -> line.cell().length() == length && row(line) == row).toList()))
        .toList()).toList();
  }

  private static int row(SampleLine line) {
    return Math.min((int) (depth(line).orElse(0) * ROWS), ROWS - 1);
  }
}
