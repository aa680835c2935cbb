package io.pariskv.eval.report;

import io.pariskv.eval.run.Cell;
import io.pariskv.eval.run.Line;
import io.pariskv.eval.run.MethodChoice;
import io.pariskv.eval.run.RefusedLine;
import io.pariskv.eval.run.SampleLine;
import io.pariskv.eval.run.Scores;
import java.util.LinkedHashMap;
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

  /** Methods in the order they were run, each k for itself. */
  List<String> methods() {
    return distinct(Cell::method);
  }

  /** Methods, whatever their k; their place is their colour. */
  List<String> kinds() {
    return methods().stream().map(MethodChoice::kind).distinct().toList();
  }

  /** The colour of a method with a k. */
  int colour(String method) {
    return kinds().indexOf(MethodChoice.kind(method));
  }

  /** Methods that one figure can show: for each k those that have it and those that have none. */
  Map<String, List<String>> methodsByK() {
    Map<String, List<String>> byK = new LinkedHashMap<>();
    methods().stream().map(Results::k).filter(k -> !k.isEmpty()).distinct()
        .forEach(k -> byK.put(k, methods().stream()
            .filter(method -> k(method).isEmpty() || k(method).equals(k)).toList()));
    return byK.isEmpty() ? Map.of("", methods()) : byK;
  }

  /** Such as {@code k=8}, empty for a method without. */
  private static String k(String method) {
    int space = method.indexOf(' ');
    return space < 0 ? "" : method.substring(space + 1);
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

  /** Samples of a task through all methods. */
  List<SampleLine> task(String task) {
    return all().stream().filter(line -> line.cell().task().equals(task)).toList();
  }

  /** Samples of a task through a method, whatever their length. */
  List<SampleLine> samples(String task, String method) {
    return all().stream().filter(
        line -> line.cell().task().equals(task) && line.cell().method().equals(method)).toList();
  }
}
