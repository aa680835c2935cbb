package io.pariskv.eval.run;

import io.pariskv.eval.stats.Interval;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/** Lines of results by cell, and what they come to. */
public final class Scores {
  /** The measure that is the exponential of a mean. */
  static final String PERPLEXITY = "perplexity";

  private Scores() {
  }

  /** Samples by cell, both in the order they were written. */
  public static Map<Cell, List<SampleLine>> byCell(List<Line> lines) {
    Map<Cell, List<SampleLine>> cells = new LinkedHashMap<>();
    for (Line line : lines) {
      if (line instanceof SampleLine sample) {
        cells.computeIfAbsent(sample.cell(), _ -> new ArrayList<>()).add(sample);
      }
    }
    return cells;
  }

  /** Cells that could not be run, each with the last reason; one that was run after all is none of them. */
  public static List<RefusedLine> refused(List<Line> lines) {
    Map<Cell, Line> last = new LinkedHashMap<>();
    lines.forEach(line -> last.put(line.cell(), line));
    return last.values().stream().filter(RefusedLine.class::isInstance)
        .map(RefusedLine.class::cast).toList();
  }

  /** The mean score; empty where a task only measures. */
  public static Optional<Interval> score(List<SampleLine> samples) {
    double[] scores = samples.stream().map(sample -> sample.outcome().score())
        .filter(Objects::nonNull).mapToDouble(Double::doubleValue).toArray();
    return scores.length == 0 ? Optional.empty() : Optional.of(Interval.ofScores(scores));
  }

  /**
   * The mean of a measure over the samples that have it; of perplexities the geometric mean, which is that of the samples'
   * tokens together.
   */
  public static Optional<Interval> measure(List<SampleLine> samples, String name) {
    double[] values = samples.stream().map(sample -> sample.outcome().measures().get(name))
        .filter(Objects::nonNull).mapToDouble(Double::doubleValue).toArray();
    if (values.length == 0) {
      return Optional.empty();
    }
    if (!name.equals(PERPLEXITY)) {
      return Optional.of(Interval.student(values));
    }
    Interval logs = Interval.student(Arrays.stream(values).map(Math::log).toArray());
    return Optional.of(new Interval(Math.exp(logs.mean()), Math.exp(logs.low()),
        Math.exp(logs.high()), logs.method(), logs.samples()));
  }

  /** The mean of something that costs; empty where all samples failed. */
  public static Optional<Double> cost(List<SampleLine> samples,
      ToDoubleFunction<SampleLine.Cost> of) {
    double[] values = samples.stream().map(SampleLine::cost).filter(Objects::nonNull)
        .mapToDouble(of).toArray();
    return values.length == 0
        ? Optional.empty()
        : Optional.of(Arrays.stream(values).sum() / values.length);
  }
}
