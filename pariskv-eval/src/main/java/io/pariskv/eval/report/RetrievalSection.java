package io.pariskv.eval.report;

import io.pariskv.eval.probe.RetrievalPoint;
import io.pariskv.eval.report.Plot.Axis;
import io.pariskv.eval.report.Plot.Point;
import io.pariskv.eval.run.SampleLine;
import io.pariskv.eval.stats.Interval;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** How good the selections were: by decode position, and by layer and KV head. */
final class RetrievalSection {
  private static final int GROUPS = 16;

  private static final List<Measure> MEASURES = List.of(
      new Measure("recall, mean query", RetrievalPoint::recall, 1),
      new Measure("recall, each query head", RetrievalPoint::headRecall, 1),
      new Measure("attention mass", RetrievalPoint::mass, 1),
      new Measure("output error", RetrievalPoint::error, Double.POSITIVE_INFINITY));

  /**
   * What is measured of a selection.
   *
   * @param most what it can be at most; the least is 0
   */
  private record Measure(String title, ToDoubleFunction<RetrievalPoint> of, double most) {
  }

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
            + "output, relative. Means over layers, heads and samples; intervals are 95%, Student's t over the samples' means, "
            + "since steps and heads of one sample are alike: n counts samples. They are cut to what can be, and bars end where "
            + "the axis does; of one sample there is none. Steps are counted from the prefill."));
    elements.add(Plot.legend(results.kinds()));
    for (String task : results.tasks()) {
      for (int length : results.lengths(task)) {
        section(task, length, elements);
      }
    }
    return elements;
  }

  private void section(String task, int length, List<Element> elements) {
    Map<String, List<SampleLine>> samples = results.methods().stream().collect(
        Collectors.toMap(method -> method, method -> results.cell(task, length, method).stream()
            .filter(line -> !line.retrieval().isEmpty()).toList()));
    if (samples.values().stream().allMatch(List::isEmpty)) {
      return;
    }
    elements.add(new Element("h3").text(task + ", " + Numbers.length(length)));
    elements.add(Page.figures(MEASURES.stream().map(each -> plot(each, samples))
        .toList()));
    elements.add(table("method", samples, point -> ""));
    elements.add(new Element("details").add(new Element("summary").text("by layer and KV head"))
        .add(table("method, layer, KV head", samples,
            point -> ", %02d, %d".formatted(point.layer(), point.kvHead()))));
  }

  private Element plot(Measure measure, Map<String, List<SampleLine>> samples) {
    int last = samples.values().stream().flatMap(List::stream).map(SampleLine::retrieval)
        .flatMap(List::stream).mapToInt(RetrievalPoint::step).max().orElse(1);
    double width = (last + 1.0) / GROUPS;
    List<String> methods = results.methods();
    Map<String, Map<Integer, Interval>> means = methods.stream().collect(Collectors.toMap(
        method -> method, method -> intervals(samples.getOrDefault(method, List.of()), measure,
            point -> (int) (point.step() / width))));
    Plot plot = new Plot(measure.title, Axis.round("decode step", 0, last),
        measure.most == 1
            ? Axis.unit(measure.title)
            : Axis.of(measure.title,
                means.values().stream().flatMap(each -> each.values().stream()).toList()));
    for (int m = 0; m < methods.size(); m++) {
      String method = methods.get(m);
      double middle = 0.5 + 0.6 * ((m + 0.5) / methods.size() - 0.5); // bars beside each other
      List<Point> line = new ArrayList<>();
      means.getOrDefault(method, Map.of())
          .forEach((group, mean) -> line.add(Point.of((group + middle) * width, mean,
              method + ": " + Numbers.withCount(mean))));
      plot.line(results.colour(method), line);
    }
    return Page.figure(measure.title, plot.toElement());
  }

  /** A row for each method and place that points have. */
  private Element table(String first, Map<String, List<SampleLine>> samples,
      Function<RetrievalPoint, String> place) {
    Table table = new Table(Stream.concat(Stream.concat(Stream.of(first),
        MEASURES.stream().map(Measure::title)), Stream.of("n")).toList());
    for (String method : results.methods()) {
      Map<String, List<String>> rows = new TreeMap<>();
      Map<String, Integer> counts = new HashMap<>();
      for (Measure measure : MEASURES) {
        intervals(samples.getOrDefault(method, List.of()), measure, place).forEach((at, mean) -> {
          rows.computeIfAbsent(at, _ -> new ArrayList<>()).add(Numbers.of(mean));
          counts.put(at, mean.samples());
        });
      }
      rows.forEach((at, cells) -> table.row(method + at,
          Stream.concat(cells.stream(), Stream.of(String.valueOf(counts.get(at)))).toList()));
    }
    return table.toElement();
  }

  /** Means over the samples' means, since steps and heads of one sample are alike; by what points are grouped by. */
  private static <K extends Comparable<K>> Map<K, Interval> intervals(List<SampleLine> samples,
      Measure measure, Function<RetrievalPoint, K> group) {
    Map<K, List<Double>> means = new TreeMap<>();
    for (SampleLine sample : samples) {
      sample.retrieval().stream()
          .collect(Collectors.groupingBy(group, Collectors.averagingDouble(measure.of)))
          .forEach((key, mean) -> means.computeIfAbsent(key, _ -> new ArrayList<>()).add(mean));
    }
    Map<K, Interval> intervals = new TreeMap<>();
    means.forEach((key, each) -> intervals.put(key,
        Interval.student(each.stream().mapToDouble(Double::doubleValue).toArray()).within(0,
            measure.most)));
    return intervals;
  }
}
