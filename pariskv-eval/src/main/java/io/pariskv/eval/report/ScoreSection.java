package io.pariskv.eval.report;

import io.pariskv.eval.report.Plot.Axis;
import io.pariskv.eval.report.Plot.Point;
import io.pariskv.eval.run.SampleLine;
import io.pariskv.eval.run.Scores;
import io.pariskv.eval.stats.Interval;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/** Scores and measures by length and method. */
final class ScoreSection {
  private final Results results;

  ScoreSection(Results results) {
    this.results = results;
  }

  List<Element> elements() {
    List<Element> elements = new ArrayList<>();
    elements.add(Page.heading("Score by length and method"));
    elements.add(Page.note(
        "Mean and 95% confidence interval: Wilson's score interval where every score is 0 or 1, or all are equal, else the "
            + "percentile bootstrap (2,000 resamples); measures have Student's t. Every failure counts as wrong. Samples of a cell "
            + "are the same for every method, so intervals that overlap may still hide a difference."));
    elements.add(Plot.legend(results.kinds()));
    results.methodsByK().forEach((k, methods) -> elements.add(Page.figures(results.tasks().stream()
        .flatMap(task -> plots(task, k.isEmpty() ? "" : ", " + k, methods)).toList())));
    for (String task : results.tasks()) {
      elements.add(new Element("h3").text(task));
      elements.add(table(task));
    }
    return elements;
  }

  private Stream<Element> plots(String task, String k, List<String> methods) {
    List<Element> plots = new ArrayList<>();
    if (results.all().stream()
        .anyMatch(line -> line.cell().task().equals(task) && line.outcome().score() != null)) {
      plots.add(plot(task + k, task, methods, Axis.unit("score"), Scores::score));
    }
    for (String measure : measures(task)) {
      Function<List<SampleLine>, Optional<Interval>> mean = samples -> Scores.measure(samples,
          measure);
      plots.add(plot(task + ": " + measure + k, task, methods, axis(task, measure, mean), mean));
    }
    return plots.stream();
  }

  /** Over all means, and a quarter above: intervals of few samples may go far beyond what can be. */
  private Axis axis(String task, String measure,
      Function<List<SampleLine>, Optional<Interval>> mean) {
    List<Interval> all = results.methods().stream().flatMap(method -> results.lengths(task).stream()
        .map(length -> mean.apply(results.cell(task, length, method))))
        .flatMap(Optional::stream).toList();
    double least = all.stream().mapToDouble(Interval::mean).min().orElse(0);
    double most = all.stream().mapToDouble(Interval::mean).max().orElse(1);
    double high = all.stream().mapToDouble(Interval::high).filter(Double::isFinite).max()
        .orElse(most);
    return Axis.round(measure, Math.min(0, least), most > 0 ? Math.min(high, 1.25 * most) : 1);
  }

  private List<String> measures(String task) {
    return results.all().stream().filter(line -> line.cell().task().equals(task))
        .flatMap(line -> line.outcome().measures().keySet().stream()).distinct().sorted().toList();
  }

  private Element plot(String title, String task, List<String> methods, Axis y,
      Function<List<SampleLine>, Optional<Interval>> mean) {
    List<Integer> lengths = results.lengths(task);
    Plot plot = new Plot(title, Axis.categories("tokens", results.shownLengths(task)), y);
    for (int m = 0; m < methods.size(); m++) {
      List<Point> points = new ArrayList<>();
      double aside = (m - (methods.size() - 1) / 2.0) * 0.06; // so that intervals do not hide each other
      for (int i = 0; i < lengths.size(); i++) {
        double x = i + aside;
        String name = methods.get(m) + ", " + Numbers.length(lengths.get(i)) + ": ";
        mean.apply(results.cell(task, lengths.get(i), methods.get(m))).ifPresent(
            each -> points.add(point(x, each, y, name + Numbers.of(each))));
      }
      plot.line(results.colour(methods.get(m)), points);
    }
    return Page.figure(title, plot.toElement());
  }

  /** The interval as far as the axis goes; of one sample there is none. */
  private static Point point(double x, Interval mean, Axis y, String title) {
    return Double.isFinite(mean.high() - mean.low())
        ? new Point(x, mean.mean(), Math.max(mean.low(), y.low()), Math.min(mean.high(), y.high()),
            title)
        : Point.of(x, mean.mean(), title);
  }

  private Element table(String task) {
    List<String> columns = new ArrayList<>(List.of("method"));
    columns.addAll(results.shownLengths(task));
    Table table = new Table(columns);
    for (String method : results.methods()) {
      row(table, task, method, method, Scores::score);
    }
    for (String measure : measures(task)) {
      for (String method : results.methods()) {
        row(table, task, method, method + ", " + measure,
            samples -> Scores.measure(samples, measure));
      }
    }
    return table.toElement();
  }

  private void row(Table table, String task, String method, String name,
      Function<List<SampleLine>, Optional<Interval>> mean) {
    List<Optional<Interval>> means = results.lengths(task).stream()
        .map(length -> mean.apply(results.cell(task, length, method))).toList();
    if (means.stream().anyMatch(Optional::isPresent)) {
      table.row(name, means.stream().map(
          each -> each.map(it -> Numbers.of(it) + ", n = " + it.samples()).orElse(Numbers.NONE))
          .toList());
    }
  }
}
