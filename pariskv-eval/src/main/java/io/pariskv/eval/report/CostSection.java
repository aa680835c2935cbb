package io.pariskv.eval.report;

import io.pariskv.eval.report.Plot.Axis;
import io.pariskv.eval.report.Plot.Point;
import io.pariskv.eval.report.Plot.Tick;
import io.pariskv.eval.run.Agreement;
import io.pariskv.eval.run.SampleLine;
import io.pariskv.eval.run.SampleLine.Cost;
import io.pariskv.eval.run.Scores;
import io.pariskv.eval.stats.Interval;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.ToDoubleFunction;

/** Quality against what a decode step reads, and all costs. */
final class CostSection {
  private static final int MOST_TICKS = 8;

  private final Results results;

  CostSection(Results results) {
    this.results = results;
  }

  List<Element> elements() {
    List<Element> elements = new ArrayList<>();
    List<Element> plots = results.tasks().stream().map(this::scatter).flatMap(Optional::stream)
        .toList();
    if (!plots.isEmpty()) {
      elements.add(Page.heading("Quality against bytes read a token"));
      elements.add(Page.note(
          "A point is a method at one length; K, V and summaries that a decode step reads, computed from "
              + "what it attends."));
      elements.add(Plot.legend(results.kinds()));
      elements.add(Page.figures(plots));
    }
    elements.add(Page.heading("Costs and agreement with full attention"));
    elements.add(Page.note(
        "Means over the samples. Attended tokens and bytes are those of the answer's decode steps. What pqcache and magicpig "
            + "keep needs all of a prompt, so they make it before the first fed token: it is in the time to the first token. "
            + "Agreement: share of places with the token that full attention wrote, and the first place that differs."));
    results.tasks().forEach(task -> {
      elements.add(new Element("h3").text(task));
      elements.add(table(task));
    });
    return elements;
  }

  private Optional<Element> scatter(String task) {
    List<String> methods = results.methods();
    List<List<Point>> points = new ArrayList<>();
    for (String method : methods) {
      List<Point> own = new ArrayList<>();
      for (int length : results.lengths(task)) {
        List<SampleLine> samples = results.cell(task, length, method);
        Optional<Interval> score = Scores.score(samples);
        Optional<Double> bytes = Scores.cost(samples, Cost::bytesPerToken).filter(each -> each > 0);
        if (score.isPresent() && bytes.isPresent()) {
          own.add(Point.of(Math.log(bytes.get()) / Math.log(2), score.get().mean(), method + ", "
              + Numbers.length(length) + ": " + Numbers.of(score.get().mean()) + " at "
              + Numbers.bytes(bytes.get())));
        }
      }
      points.add(own);
    }
    double[] sizes = points.stream().flatMap(List::stream).mapToDouble(Point::x).toArray();
    if (sizes.length == 0) {
      return Optional.empty();
    }
    Plot plot = new Plot(task, powers(sizes), Axis.unit("score"));
    for (int m = 0; m < methods.size(); m++) {
      plot.dots(results.colour(methods.get(m)), points.get(m));
    }
    return Optional.of(Page.figure(task, plot.toElement()));
  }

  /** An axis of powers of two, at most eight of them. */
  private static Axis powers(double[] logarithms) {
    int low = (int) Math.floor(Arrays.stream(logarithms).min().orElse(0));
    int high = Math.max(low + 1, (int) Math.ceil(Arrays.stream(logarithms).max().orElse(1)));
    int step = 1 + (high - low) / MOST_TICKS;
    List<Tick> ticks = new ArrayList<>();
    for (int at = low; at < high + step; at += step) {
      ticks.add(new Tick(at, Numbers.powerOfTwo(at)));
    }
    return new Axis("bytes a token", low, ticks.getLast().at(), ticks);
  }

  private Element table(String task) {
    Table table = new Table(List.of("method, tokens", "ms a token", "tokens/s", "attended",
        "read a token", "summaries held", "prefill, s", "index, s", "first token, s",
        "equal tokens", "first different"));
    for (String method : results.methods()) {
      for (int length : results.lengths(task)) {
        List<SampleLine> samples = results.cell(task, length, method);
        if (!samples.isEmpty()) {
          table.row(method + ", " + Numbers.length(length), cells(samples));
        }
      }
    }
    return table.toElement();
  }

  private static List<String> cells(List<SampleLine> samples) {
    List<Agreement> agreements = samples.stream().map(SampleLine::agreement)
        .filter(Objects::nonNull).toList();
    Optional<Double> millis = Scores.cost(samples, Cost::millisPerToken).filter(each -> each > 0);
    return List.of(shown(millis), shown(millis.map(each -> 1000 / each)),
        mean(samples, Cost::attendedTokens),
        Scores.cost(samples, Cost::bytesPerToken).map(Numbers::bytes).orElse(Numbers.NONE),
        Scores.cost(samples, Cost::summaryBytes).map(Numbers::bytes).orElse(Numbers.NONE),
        mean(samples, Cost::prefillSeconds), mean(samples, Cost::indexSeconds),
        mean(samples, Cost::firstTokenSeconds), agreement(agreements, Agreement::equalShare),
        agreement(agreements, Agreement::firstDifference));
  }

  private static String mean(List<SampleLine> samples, ToDoubleFunction<Cost> of) {
    return shown(Scores.cost(samples, of));
  }

  private static String shown(Optional<Double> number) {
    return number.map(Numbers::of).orElse(Numbers.NONE);
  }

  private static String agreement(List<Agreement> agreements, ToDoubleFunction<Agreement> of) {
    OptionalDouble mean = agreements.stream().mapToDouble(of).average();
    return mean.isPresent() ? Numbers.of(mean.getAsDouble()) : Numbers.NONE;
  }
}
