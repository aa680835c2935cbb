package io.pariskv.eval.report;

import io.pariskv.eval.run.RefusedLine;
import io.pariskv.eval.run.SampleLine;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
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
        "No answer could be made out of what was not parsed; cut answers reached the limit of new tokens; "
            + "failed samples ended with an error. All of them count as they were graded, failed ones as wrong."));
    Table table = new Table(List.of("task, method", "samples", "not parsed", "cut", "failed"));
    for (String task : results.tasks()) {
      for (String method : results.methods()) {
        List<SampleLine> samples = results.samples(task, method);
        if (!samples.isEmpty()) {
          table.row(task + ", " + method, List.of(Integer.toString(samples.size()),
              share(samples.stream().filter(line -> !line.outcome().parsed()).count(), samples),
              share(samples.stream().filter(line -> !line.outcome().finished()).count(), samples),
              share(samples.stream().filter(SampleLine::failed).count(), samples)));
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

  private static String share(long count, List<SampleLine> of) {
    return String.format(Locale.ROOT, "%d (%.0f%%)", count, 100.0 * count / of.size());
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
