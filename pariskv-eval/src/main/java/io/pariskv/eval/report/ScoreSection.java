package io.pariskv.eval.report;

import io.pariskv.eval.Protocol;
import io.pariskv.eval.report.Plot.Axis;
import io.pariskv.eval.report.Plot.Point;
import io.pariskv.eval.run.SampleLine;
import io.pariskv.eval.run.Scores;
import io.pariskv.eval.stats.Interval;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Scores and measures by length and method. */
final class ScoreSection {
  private final Results results;
  private final Sources sources;

  ScoreSection(Results results, Sources sources) {
    this.results = results;
    this.sources = sources;
  }

  List<Element> elements() {
    List<Element> elements = new ArrayList<>();
    elements.add(Page.heading("Score by length and method"));
    elements.add(Page.note(
        "Mean and 95% confidence interval: Wilson's score interval where every score is 0 or 1, or all are equal, else the "
            + "percentile bootstrap (2,000 resamples); measures have Student's t, cut to what can be. Bars end where the axis does; of "
            + "one sample there is no interval, and of equal measures none that means anything. Every failure counts as wrong; "
            + "answers that could not be parsed are counted beside the score, failed samples at the end. Samples of a cell are "
            + "the same for every method, so intervals that overlap may still hide a difference."));
    elements.add(Plot.legend(results.kinds()));
    results.methodsByK().forEach((k, methods) -> elements.add(Page.figures(results.tasks().stream()
        .flatMap(task -> plots(task, k.isEmpty() ? "" : ", " + k, methods)).toList())));
    for (String task : results.tasks()) {
      elements.add(new Element("h3").text(task));
      elements.add(Page.note("Data: " + sources.shown(results.task(task)) + "." + questions(task)));
      elements.add(table(task));
    }
    return elements;
  }

  /** How they reached the model, a sentence each; empty where samples do not say. */
  private String questions(String task) {
    return Stream.of(Protocol.values()).filter(protocol -> results.task(task).stream()
        .anyMatch(line -> protocol.toString().equals(line.prompt().labels().get(Protocol.LABEL))))
        .map(protocol -> switch (protocol) {
          case FED ->
            " Questions were fed through decode steps: a method had to find what they ask for.";
          case PREFILLED ->
            " Questions were prefilled with the text, as for published scores: a method only wrote the answer.";
        }).collect(Collectors.joining());
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

  private Axis axis(String task, String measure,
      Function<List<SampleLine>, Optional<Interval>> mean) {
    return Axis.of(measure, results.methods().stream()
        .flatMap(method -> results.lengths(task).stream()
            .map(length -> mean.apply(results.cell(task, length, method))))
        .flatMap(Optional::stream).toList());
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
            each -> points.add(Point.of(x, each, name + Numbers.withCount(each))));
      }
      plot.line(results.colour(methods.get(m)), points);
    }
    return Page.figure(title, plot.toElement());
  }

  private Element table(String task) {
    List<String> columns = new ArrayList<>(List.of("method"));
    columns.addAll(results.shownLengths(task));
    Table table = new Table(columns);
    for (String method : results.methods()) {
      row(table, task, method, method, Scores::score, ScoreSection::withParsed);
    }
    for (String measure : measures(task)) {
      for (String method : results.methods()) {
        row(table, task, method, method + ", " + measure,
            samples -> Scores.measure(samples, measure),
            (mean, _) -> Numbers.withCount(mean));
      }
    }
    return table.toElement();
  }

  /** A score with the share of answers that could not be parsed. */
  private static String withParsed(Interval score, List<SampleLine> samples) {
    int unparsed = Scores.unparsed(samples);
    return Numbers.withCount(score) + (unparsed == 0
        ? "; all parsed"
        : "; not parsed " + Numbers.share(unparsed, samples.size()));
  }

  private void row(Table table, String task, String method, String name,
      Function<List<SampleLine>, Optional<Interval>> mean,
      BiFunction<Interval, List<SampleLine>, String> shown) {
    List<String> cells = results.lengths(task).stream()
        .map(length -> results.cell(task, length, method))
        .map(samples -> mean.apply(samples).map(each -> shown.apply(each, samples))
            .orElse(Numbers.NONE))
        .toList();
    if (cells.stream().anyMatch(cell -> !cell.equals(Numbers.NONE))) {
      table.row(name, cells);
    }
  }
}
