package io.pariskv.eval.run;

import io.pariskv.generate.Session;
import io.pariskv.kv.KvShape;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.CountedMethod;
import io.pariskv.method.MagicPig;
import io.pariskv.method.ParisKv;
import io.pariskv.method.SelectedPlaces;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * How many keys steps really selected, of methods that sample or adapt: their settings only say how many to expect, or how
 * many at most. Counted where the stages run, inside recorded steps, for a small launch a layer.
 */
final class SelectedCount {
  /** Keys that a head selected in a step, mean over heads, layers and all decode steps. */
  static final String MEAN = "selected";

  /** The standard deviation of that over the last steps, as many as {@link SelectedPlaces#latest} has. */
  static final String DEVIATION = "selected_sd";

  private SelectedCount() {
  }

  /** A method that counts if what it selects is not known before, else the method as it is. */
  static AttentionMethod counted(AttentionMethod method) {
    return isOpen(method) ? new CountedMethod(method) : method;
  }

  /** MagicPIG with its tables on the CPU has no selection where the model is, so it is not counted. */
  private static boolean isOpen(AttentionMethod method) {
    return method instanceof MagicPig
        || method instanceof ParisKv paris && paris.config().budget().share() != null;
  }

  /** Heads that select, in all layers together. */
  private static long selecting(AttentionMethod method, KvShape shape) {
    return method instanceof MagicPig sampled
        ? (long) shape.heads() * sampled.sampledLayers(shape).length
        : shape.kvHeads() * IntStream.range(0, shape.layers())
            .filter(layer -> shape.window(layer) == 0).count();
  }

  /** What a session's steps since its prompt selected; empty if it was not counted, or all was attended. */
  static Map<String, Double> measures(Session session, AttentionMethod method, KvShape shape) {
    SelectedPlaces places = session.selectedPlaces();
    long keys = places == null ? 0 : LongStream.of(places.sums()).sum();
    if (places == null || keys == 0) {
      return Map.of();
    }
    double heads = selecting(method, shape);
    Map<String, Double> measures = new HashMap<>();
    measures.put(MEAN, keys / heads / places.steps());
    double[] latest = places.latest().stream().mapToDouble(bins -> IntStream.of(bins).sum() / heads)
        .toArray();
    if (latest.length > 1) {
      measures.put(DEVIATION, deviation(latest));
    }
    return measures;
  }

  private static double deviation(double[] values) {
    double mean = 0;
    for (double value : values) {
      mean += value / values.length;
    }
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    return Math.sqrt(squares / (values.length - 1));
  }
}
