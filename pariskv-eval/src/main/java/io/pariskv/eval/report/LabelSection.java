package io.pariskv.eval.report;

import io.pariskv.eval.run.SampleLine;
import io.pariskv.eval.run.Scores;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Scores of exams by what their problems are, such as easy or hard. */
final class LabelSection {
  /** Labels with the order of their values; others follow in the alphabet's. */
  private static final Map<String, List<String>> LABELS = labels();

  private final Results results;

  LabelSection(Results results) {
    this.results = results;
  }

  private static Map<String, List<String>> labels() {
    Map<String, List<String>> labels = new LinkedHashMap<>();
    labels.put("difficulty", List.of("easy", "hard"));
    labels.put("length", List.of("short", "medium", "long"));
    labels.put("level", List.of());
    labels.put("subject", List.of());
    labels.put("domain", List.of());
    labels.put("sub_domain", List.of());
    labels.put("subdomain", List.of());
    labels.put("cut", List.of("no", "yes"));
    return labels;
  }

  List<Element> elements() {
    List<Element> elements = new ArrayList<>();
    for (String task : results.tasks()) {
      LABELS.forEach((label, order) -> {
        List<String> values = results.task(task).stream().flatMap(line -> value(line, label)
            .stream()).distinct().sorted(inOrder(order)).toList();
        if (!values.isEmpty()) {
          elements.add(new Element("h3").text(task + " by " + label));
          elements.add(table(task, label, values));
        }
      });
    }
    if (!elements.isEmpty()) {
      elements.addAll(0, List.of(Page.heading("Score by kind of problem"),
          Page.note("Labels as the data have them; cut: whether a prompt lost its middle.")));
    }
    return elements;
  }

  private static Comparator<String> inOrder(List<String> order) {
    return Comparator.<String>comparingInt(
        value -> order.contains(value) ? order.indexOf(value) : order.size())
        .thenComparing(Comparator.naturalOrder());
  }

  private static Optional<String> value(SampleLine line, String label) {
    return line.outcome().score() == null
        ? Optional.empty()
        : Optional.ofNullable(line.prompt().labels().get(label)).map(String::valueOf);
  }

  private Element table(String task, String label, List<String> values) {
    List<String> columns = new ArrayList<>(List.of("method, " + label));
    columns.addAll(results.shownLengths(task));
    Table table = new Table(columns);
    for (String method : results.methods()) {
      for (String value : values) {
        table.row(method + ", " + value, results.lengths(task).stream()
            .map(length -> results.cell(task, length, method).stream()
                .filter(line -> value(line, label).filter(value::equals).isPresent()).toList())
            .map(samples -> Scores.score(samples).map(Numbers::withCount).orElse(Numbers.NONE))
            .toList());
      }
    }
    return table.toElement();
  }
}
