package io.pariskv.eval.report;

import io.pariskv.eval.run.Cell;
import io.pariskv.eval.run.Line;
import io.pariskv.eval.run.RefusedLine;
import io.pariskv.eval.run.SampleLine;
import io.pariskv.eval.run.Scores;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The samples of an evaluation as the sections look at them. */
final class Results {
  private final Map<Cell, List<SampleLine>> cells;
  private final List<RefusedLine> refused;

  Results(List<Line> lines) {
    cells = Scores.byCell(lines);
    refused = Scores.refused(lines);
  }

  List<RefusedLine> refused() {
    return refused;
  }

  List<SampleLine> all() {
    return cells.values().stream().flatMap(List::stream).toList();
  }

  /** Tasks in the order they were run. */
  List<String> tasks() {
    return distinct(Cell::task);
  }

  /** Methods in the order they were run; their place is their colour. */
  List<String> methods() {
    return distinct(Cell::method);
  }

  private List<String> distinct(Function<Cell, String> of) {
    return cells.keySet().stream().map(of).distinct().toList();
  }

  /** Lengths that have samples of a task. */
  List<Integer> lengths(String task) {
    return cells.keySet().stream().filter(cell -> cell.task().equals(task)).map(Cell::length)
        .distinct().sorted().toList();
  }

  List<String> shownLengths(String task) {
    return lengths(task).stream().map(Numbers::length).toList();
  }

  /** The samples of a cell, none if it has not been run. */
  List<SampleLine> cell(String task, int length, String method) {
    return cells.getOrDefault(new Cell(task, length, method), List.of());
  }

  /** Samples of a task through a method, whatever their length. */
  List<SampleLine> samples(String task, String method) {
    return all().stream().filter(
        line -> line.cell().task().equals(task) && line.cell().method().equals(method)).toList();
  }
}
