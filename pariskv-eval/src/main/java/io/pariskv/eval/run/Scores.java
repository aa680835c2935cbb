package io.pariskv.eval.run;

import io.pariskv.eval.stats.Interval;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/** Lines of results by cell, and what they come to. */
public final class Scores {
  /** Measures that count right parts of the references. */
  private static final Set<String> PARTS = Set.of("hops", "right");
  /** The measure that is the exponential of a mean. */
  static final String PERPLEXITY = "perplexity";
  /** The measure that is a difference, and so may be negative. */
  static final String OVER_FULL = "nll_over_full";

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
    double[] scores = scores(samples);
    return scores.length == 0 ? Optional.empty() : Optional.of(Interval.ofScores(scores));
  }

  /** The scores of the samples that have one. */
  public static double[] scores(List<SampleLine> samples) {
    return samples.stream().map(sample -> sample.outcome().score()).filter(Objects::nonNull)
        .mapToDouble(Double::doubleValue).toArray();
  }

  /** How many samples were answered with something that no answer could be made out of; failed ones have no answer. */
  public static int unparsed(List<SampleLine> samples) {
    return (int) samples.stream().filter(line -> !line.failed() && !line.outcome().parsed())
        .count();
  }

  /**
   * The mean of a measure over the samples that have it; of perplexities the geometric mean, which is that of the samples'
   * tokens together. Measures are counts and amounts, so the interval does not go below 0, but that of a difference; and what
   * counts right parts of an answer cannot be more than the parts there are.
   */
  public static Optional<Interval> measure(List<SampleLine> samples, String name) {
    List<SampleLine> having = samples.stream()
        .filter(sample -> sample.outcome().measures().containsKey(name)).toList();
    ToDoubleFunction<SampleLine> value = sample -> sample.outcome().measures().get(name);
    if (name.equals(PERPLEXITY)) {
      return mean(having, sample -> Math.log(value.applyAsDouble(sample)),
          Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY)
          .map(logs -> new Interval(Math.exp(logs.mean()), Math.exp(logs.low()),
              Math.exp(logs.high()), logs.method(), logs.samples()));
    }
    double most = PARTS.contains(name)
        ? having.stream().mapToInt(sample -> sample.prompt().references().size()).average()
            .orElse(0)
        : Double.POSITIVE_INFINITY;
    return mean(having, value,
        name.equals(OVER_FULL) ? Double.NEGATIVE_INFINITY : 0, most);
  }

  /** The mean of something that costs; empty where all samples failed. */
  public static Optional<Interval> cost(List<SampleLine> samples,
      ToDoubleFunction<SampleLine.Cost> of) {
    return mean(samples.stream().map(SampleLine::cost).filter(Objects::nonNull).toList(), of, 0,
        Double.POSITIVE_INFINITY);
  }

  /** The mean of what compares with full attention, at most {@code most}; empty where nothing was compared. */
  public static Optional<Interval> agreement(List<SampleLine> samples,
      ToDoubleFunction<Agreement> of, double most) {
    return mean(samples.stream().map(SampleLine::agreement).filter(Objects::nonNull).toList(), of,
        0,
        most);
  }

  /** Student's t, from 0 to {@code most}. */
  private static <T> Optional<Interval> mean(List<T> of, ToDoubleFunction<T> value, double least,
      double most) {
    return of.isEmpty()
        ? Optional.empty()
        : Optional.of(
            Interval.student(of.stream().mapToDouble(value).toArray()).within(least, most));
  }
}
