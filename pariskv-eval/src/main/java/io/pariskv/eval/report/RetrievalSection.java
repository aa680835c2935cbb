package io.pariskv.eval.report;

import io.pariskv.eval.probe.RetrievalPoint;
import io.pariskv.eval.report.Plot.Axis;
import io.pariskv.eval.report.Plot.Point;
import io.pariskv.eval.run.SampleLine;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** How good the selections were: by decode position, and by layer and KV head. */
final class RetrievalSection {
  private static final int GROUPS = 16;

  private final Results results;

  RetrievalSection(Results results) {
    this.results = results;
  }

  List<Element> elements() {
    if (results.all().stream().allMatch(line -> line.retrieval().isEmpty())) {
      return List.of();
    }
    List<Element> elements = new ArrayList<>();
    elements.add(Page.heading("Retrieval by decode position"));
    elements.add(Page.note(
        "Beside exact attention in double. Recall: share of the best k keys of the zone that were selected, by the "
            + "group's mean query or by each query head. Mass: share of the exact attention weights on attended tokens. Error: of the "
            + "output, relative. Means over layers, heads and samples. Steps are counted from the prefill."));
    elements.add(Plot.legend(results.kinds()));
    for (String task : results.tasks()) {
      for (int length : results.lengths(task)) {
        section(task, length, elements);
      }
    }
    return elements;
  }

  private void section(String task, int length, List<Element> elements) {
    Map<String, List<RetrievalPoint>> points = results.methods().stream().collect(
        Collectors.toMap(method -> method, method -> results.cell(task, length, method).stream()
            .map(SampleLine::retrieval).flatMap(List::stream).toList()));
    if (points.values().stream().allMatch(List::isEmpty)) {
      return;
    }
    String name = task + ", " + Numbers.length(length);
    elements.add(new Element("h3").text(name));
    elements.add(Page.figures(List.of(
        plot("recall, mean query", points, RetrievalPoint::recall),
        plot("recall, each query head", points, RetrievalPoint::headRecall),
        plot("attention mass", points, RetrievalPoint::mass),
        plot("output error", points, RetrievalPoint::error))));
    elements.add(byLayer(points));
  }

  private Element plot(String title, Map<String, List<RetrievalPoint>> points,
      ToDoubleFunction<RetrievalPoint> of) {
    int last = points.values().stream().flatMap(List::stream).mapToInt(RetrievalPoint::step).max()
        .orElse(1);
    Plot plot = new Plot(title, Axis.round("decode step", 0, last), Axis.unit(title));
    List<String> methods = results.methods();
    for (int m = 0; m < methods.size(); m++) {
      String method = methods.get(m);
      Map<Integer, Double> means = points.getOrDefault(method, List.of()).stream()
          .collect(Collectors.groupingBy(point -> point.step() * GROUPS / (last + 1), TreeMap::new,
              Collectors.averagingDouble(of)));
      List<Point> line = new ArrayList<>();
      means.forEach((group, mean) -> line.add(Point.of((group + 0.5) * (last + 1) / GROUPS,
          Math.min(mean, 1), method + ": " + Numbers.of(mean))));
      plot.line(results.colour(method), line);
    }
    return Page.figure(title, plot.toElement());
  }

  private Element byLayer(Map<String, List<RetrievalPoint>> points) {
    Table table = new Table(List.of("method, layer, KV head", "recall, mean query",
        "recall, each head", "mass", "error", "n"));
    for (String method : results.methods()) {
      Map<String, List<RetrievalPoint>> places = points.getOrDefault(method, List.of()).stream()
          .collect(
              Collectors.groupingBy(point -> "%02d, %d".formatted(point.layer(), point.kvHead()),
                  TreeMap::new, Collectors.toList()));
      places.forEach((place, own) -> table.row(method + ", " + place,
          List.of(mean(own, RetrievalPoint::recall), mean(own, RetrievalPoint::headRecall),
              mean(own, RetrievalPoint::mass), mean(own, RetrievalPoint::error),
              Integer.toString(own.size()))));
    }
    return new Element("details").add(new Element("summary").text("by layer and KV head"))
        .add(table.toElement());
  }

  private static String mean(List<RetrievalPoint> points, ToDoubleFunction<RetrievalPoint> of) {
    return Numbers.of(points.stream().mapToDouble(of).average().orElse(0));
  }
}
