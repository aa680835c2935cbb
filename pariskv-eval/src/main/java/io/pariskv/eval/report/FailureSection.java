package io.pariskv.eval.report;

import io.pariskv.eval.run.RefusedLine;
import io.pariskv.eval.run.SampleLine;
import io.pariskv.eval.run.Scores;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** What could not be read, could not be answered, could not be run. */
final class FailureSection {
  private static final int SHOWN = 20;

  private final Results results;

  FailureSection(Results results) {
    this.results = results;
  }

  List<Element> elements() {
    List<Element> elements = new ArrayList<>();
    elements.add(Page.heading("Failures"));
    elements.add(Page.note(
        "Not parsed: something was answered, but no answer could be made out of it. Cut: the answer reached the limit of "
            + "new tokens. Failed: the sample ended with an error and has no answer. All of them count as they were graded, "
            + "failed ones as wrong. Shares with their 95% intervals (Wilson)."));
    Table table = new Table(
        List.of("task, tokens, method", "samples", "not parsed", "cut", "failed"));
    for (String task : results.tasks()) {
      for (int length : results.lengths(task)) {
        for (String method : results.methods()) {
          List<SampleLine> samples = results.cell(task, length, method);
          if (!samples.isEmpty()) {
            table.row(task + ", " + Numbers.length(length) + ", " + method, cells(samples));
          }
        }
      }
    }
    elements.add(table.toElement());
    list(elements, "Errors", results.all().stream().filter(SampleLine::failed)
        .map(line -> line.cell() + ", sample " + line.id() + ": "
            + Objects.requireNonNullElse(line.outcome().error(), ""))
        .toList());
    list(elements, "Cells that could not be run", results.refused().stream()
        .map(FailureSection::shown).toList());
    return elements;
  }

  private static String shown(RefusedLine line) {
    return line.cell() + ": " + line.reason();
  }

  private static List<String> cells(List<SampleLine> samples) {
    int n = samples.size();
    List<SampleLine> answered = samples.stream().filter(line -> !line.failed()).toList();
    int cut = (int) answered.stream().filter(line -> !line.outcome().finished()).count();
    return List.of(Integer.toString(n), Numbers.share(Scores.unparsed(samples), n),
        Numbers.share(cut, n), Numbers.share(n - answered.size(), n));
  }

  private static void list(List<Element> elements, String title, List<String> lines) {
    if (lines.isEmpty()) {
      return;
    }
    elements.add(new Element("h3").text(title));
    Element list = new Element("ul");
    lines.stream().limit(SHOWN).forEach(line -> list.add(new Element("li").text(line)));
    if (lines.size() > SHOWN) {
      list.add(new Element("li").text("and " + (lines.size() - SHOWN) + " more"));
    }
    elements.add(list);
  }
}
