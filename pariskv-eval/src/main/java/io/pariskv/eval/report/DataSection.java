package io.pariskv.eval.report;

import io.pariskv.eval.report.Sources.Kind;
import io.pariskv.eval.report.Sources.Source;
import io.pariskv.eval.run.SampleLine;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Which data each task was made of. */
final class DataSection {
  private final Results results;
  private final Sources sources;

  DataSection(Results results, Sources sources) {
    this.results = results;
    this.sources = sources;
  }

  List<Element> elements() {
    Map<Kind, Set<String>> tasks = new EnumMap<>(Kind.class);
    Table table = new Table(List.of("task", "tokens", "samples", "data"));
    for (String task : results.tasks()) {
      Map<Source, List<SampleLine>> bySource = results.task(task).stream()
          .collect(Collectors.groupingBy(sources::of, LinkedHashMap::new, Collectors.toList()));
      bySource.forEach((source, samples) -> {
        tasks.computeIfAbsent(source.kind(), _ -> new LinkedHashSet<>()).add(task);
        table.row(task, List.of(lengths(samples), Long.toString(count(samples)), source.name()));
      });
    }
    List<Element> elements = new ArrayList<>(List.of(Page.heading("Data")));
    tasks.forEach((kind, names) -> elements
        .add(Page.note(kind.title() + ": " + String.join(", ", names) + ".")));
    String given = sources.given();
    if (given != null) {
      elements.add(Page.note("Files are those of --data " + given
          + ", by name. What was not there when a sample was made is our own."));
    }
    elements.add(new Element("details").add(new Element("summary").text("by task"))
        .add(table.toElement()));
    return elements;
  }

  private static String lengths(List<SampleLine> samples) {
    return samples.stream().map(line -> line.cell().length()).distinct().sorted()
        .map(Numbers::length).collect(Collectors.joining(", "));
  }

  /** Samples that were made; each is answered through every method. */
  private static long count(List<SampleLine> samples) {
    return samples.stream().map(line -> line.cell().length() + " " + line.id()).distinct().count();
  }
}
