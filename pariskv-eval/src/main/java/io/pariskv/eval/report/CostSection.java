package io.pariskv.eval.report;

import io.pariskv.eval.report.Plot.Axis;
import io.pariskv.eval.report.Plot.Ends;
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
import java.util.Optional;

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
              + "what it attends. Bars are 95% intervals, across where the bytes differ between samples."));
      elements.add(Plot.legend(results.kinds()));
      elements.add(Page.figures(plots));
    }
    elements.add(Page.heading("Costs and agreement with full attention"));
    elements.add(Page.note(
        "Means over the n samples that did not fail, with 95% intervals: Student's t, not below 0, and of shares not above 1; \u00b1 is in "
            + "percent of the mean. "
            + "Attended tokens and bytes are those of the answer's decode steps. What pqcache and magicpig "
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
        Optional<Interval> bytes = Scores.cost(samples, Cost::bytesPerToken)
            .filter(each -> each.mean() > 0);
        if (score.isPresent() && bytes.isPresent()) {
          String name = method + ", " + Numbers.length(length);
          own.add(new Point(logarithm(bytes.get()), Ends.of(score.get()),
              name + ": " + Numbers.of(score.get()) + " at "
                  + Numbers.of(bytes.get(), Numbers::bytes) + ", n = " + score.get().samples(),
              results.lengths(task).size() == 1 ? method : name));
        }
      }
      points.add(own);
    }
    double[] sizes = points.stream().flatMap(List::stream).mapToDouble(point -> point.x().at())
        .toArray();
    if (sizes.length == 0) {
      return Optional.empty();
    }
    Plot plot = new Plot(task, powers(sizes), Axis.unit("score"));
    for (int m = 0; m < methods.size(); m++) {
      plot.dots(results.colour(methods.get(m)), points.get(m));
    }
    return Optional.of(Page.figure(task, plot.toElement()));
  }

  private static Ends logarithm(Interval bytes) {
    Ends ends = Ends.of(bytes);
    return new Ends(log2(ends.at()), log2(ends.low()), log2(ends.high()));
  }

  /** Minus infinity of 0: the bar goes to the end of the axis. */
  private static double log2(double value) {
    return Math.log(value) / Math.log(2);
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
        "equal tokens", "first different", "n"));
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
    Optional<Interval> millis = Scores.cost(samples, Cost::millisPerToken)
        .filter(each -> each.mean() > 0);
    return List.of(shown(millis), millis.map(CostSection::perSecond).orElse(Numbers.NONE),
        shown(Scores.cost(samples, Cost::attendedTokens)),
        bytes(Scores.cost(samples, Cost::bytesPerToken)),
        bytes(Scores.cost(samples, Cost::summaryBytes)),
        shown(Scores.cost(samples, Cost::prefillSeconds)),
        shown(Scores.cost(samples, Cost::indexSeconds)),
        shown(Scores.cost(samples, Cost::firstTokenSeconds)),
        shown(Scores.agreement(samples, Agreement::equalShare, 1)),
        shown(Scores.agreement(samples, Agreement::firstDifference, Double.POSITIVE_INFINITY)),
        String.valueOf(samples.stream().filter(line -> line.cost() != null).count()));
  }

  /** Of milliseconds; where they may be next to none there is no upper end. */
  private static String perSecond(Interval millis) {
    double mean = 1000 / millis.mean();
    return millis.low() == 0
        ? Numbers.of(mean) + " (" + Numbers.of(1000 / millis.high()) + " or more)"
        : Numbers.of(new Interval(mean, 1000 / millis.high(),
            millis.hasEnds() ? 1000 / millis.low() : Double.POSITIVE_INFINITY, millis.method(),
            millis.samples()));
  }

  private static String shown(Optional<Interval> mean) {
    return mean.map(Numbers::of).orElse(Numbers.NONE);
  }

  private static String bytes(Optional<Interval> mean) {
    return mean.map(each -> Numbers.of(each, Numbers::bytes)).orElse(Numbers.NONE);
  }
}
