package io.pariskv.eval.report;

import io.pariskv.eval.run.SampleLine;
import io.pariskv.eval.stats.SignTest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Methods against the first one, sample by sample. */
final class PairSection {
  private final Results results;

  PairSection(Results results) {
    this.results = results;
  }

  /** None where there are no two methods with scores of the same samples. */
  List<Element> elements() {
    if (results.methods().size() < 2) {
      return List.of();
    }
    String first = results.methods().getFirst();
    List<Element> elements = new ArrayList<>();
    for (String task : results.tasks()) {
      List<String> columns = new ArrayList<>(List.of("method"));
      columns.addAll(results.shownLengths(task));
      Table table = new Table(columns);
      boolean any = false;
      for (String method : results.methods().subList(1, results.methods().size())) {
        List<String> cells = results.lengths(task).stream()
            .map(length -> pair(results.cell(task, length, method),
                results.cell(task, length, first)))
            .toList();
        if (cells.stream().anyMatch(cell -> !cell.equals(Numbers.NONE))) {
          table.row(method, cells);
          any = true;
        }
      }
      if (any) {
        elements.add(new Element("h3").text(task));
        elements.add(table.toElement());
      }
    }
    if (!elements.isEmpty()) {
      elements.addAll(0, List.of(Page.heading("Sample by sample against " + first), Page.note(
          "In how many of the same n samples the method scores more, and in how many " + first
              + " does, with the p of the two-sided sign test: samples are the same for all methods, so this tells apart what "
              + "intervals that overlap do not. It is not corrected for the number of comparisons: one in twenty is below "
              + "0.05 by chance.")));
    }
    return elements;
  }

  private static String pair(List<SampleLine> samples, List<SampleLine> others) {
    Map<String, Double> scores = new HashMap<>();
    others.forEach(line -> {
      Double score = line.outcome().score();
      if (score != null) {
        scores.put(line.id(), score);
      }
    });
    int pairs = 0;
    int more = 0;
    int less = 0;
    for (SampleLine line : samples) {
      Double score = line.outcome().score();
      Double other = scores.get(line.id());
      if (score != null && other != null) {
        int order = Double.compare(score, other);
        pairs++;
        more += order > 0 ? 1 : 0;
        less += order < 0 ? 1 : 0;
      }
    }
    return pairs == 0
        ? Numbers.NONE
        : more + " : " + less + ", " + shown(SignTest.p(more, less)) + ", n = " + pairs;
  }

  private static String shown(double p) {
    return p < 0.001
        ? "p < 0.001"
        : String.format(Locale.ROOT, p < 0.01 ? "p = %.3f" : "p = %.2f", p);
  }
}
