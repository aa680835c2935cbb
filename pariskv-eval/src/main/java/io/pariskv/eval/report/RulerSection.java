package io.pariskv.eval.report;

import io.pariskv.eval.Task;
import io.pariskv.eval.data.TaskData;
import io.pariskv.eval.ruler.Ruler;
import io.pariskv.eval.run.Scores;
import io.pariskv.eval.stats.Interval;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** RULER's number: the mean over its tasks, by method and length. */
final class RulerSection {
  private static final List<String> TASKS = Ruler.tasks(TaskData.NONE).stream().map(Task::name)
      .toList();

  private final Results results;
  private final Sources sources;

  RulerSection(Results results, Sources sources) {
    this.results = results;
    this.sources = sources;
  }

  /** None where fewer than two of its tasks were run. */
  List<Element> elements() {
    List<String> run = results.tasks().stream().filter(TASKS::contains).toList();
    if (run.size() < 2) {
      return List.of();
    }
    List<Integer> lengths = run.stream().flatMap(task -> results.lengths(task).stream())
        .distinct().sorted().toList();
    List<String> columns = new ArrayList<>(List.of("method"));
    lengths.forEach(length -> columns.add(Numbers.length(length)));
    Table table = new Table(columns);
    for (String method : results.methods()) {
      table.row(method, lengths.stream().map(length -> mean(run, length, method)).toList());
    }
    String missing = TASKS.stream().filter(task -> !run.contains(task))
        .collect(Collectors.joining(", "));
    return List.of(Page.heading("RULER: mean over its tasks"), Page.note(
        "Every task weighs the same, whatever its samples. With the 95% interval: Wilson's of as many samples as would vary as "
            + "much (Korn and Graubard); over how many of the " + TASKS.size()
            + " tasks; and n, their samples together."
            + (missing.isEmpty() ? "" : " Not run: " + missing + ".")),
        Page.note("Data: " + sources.shown(run.stream()
            .flatMap(task -> results.task(task).stream()).toList()) + "."),
        table.toElement());
  }

  private String mean(List<String> tasks, int length, String method) {
    List<double[]> scores = tasks.stream()
        .map(task -> Scores.scores(results.cell(task, length, method)))
        .filter(each -> each.length > 0).toList();
    return scores.isEmpty()
        ? Numbers.NONE
        : Numbers.of(Interval.ofTasks(scores)) + ", " + scores.size() + " of " + TASKS.size()
            + " tasks, n = " + scores.stream().mapToInt(each -> each.length).sum();
  }
}
