package io.pariskv.server.metrics;

import java.util.Arrays;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;

/** Counts values by size. Thread-safe, without locks; a reader may see a value in the count before it is in the sum. */
final class Histogram {
  /** Seconds, from a token to a prompt of hours. */
  static final double[] SECONDS = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
      5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000};
  /** Tokens, to a million. */
  static final double[] TOKENS = {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 131072, 262144,
      524288, 1048576};

  private final double[] bounds;
  private final LongAdder[] counts;
  private final DoubleAdder sum = new DoubleAdder();

  /** @param bounds the largest value of each bucket but the last, ascending */
  Histogram(double[] bounds) {
    this.bounds = bounds.clone();
    this.counts = new LongAdder[bounds.length + 1];
    Arrays.setAll(counts, _ -> new LongAdder());
  }

  void add(double value) {
    int at = Arrays.binarySearch(bounds, value);
    counts[at >= 0 ? at : -at - 1].increment();
    sum.add(value);
  }

  /** Of all values, 0 without any. */
  double mean() {
    long count = Arrays.stream(counts).mapToLong(LongAdder::sum).sum();
    return count == 0 ? 0 : sum.sum() / count;
  }

  /** Writes it; {@code labels} are those of the model. */
  void write(PrometheusText out, String name, String labels) {
    long count = 0;
    for (int i = 0; i < counts.length; i++) {
      count += counts[i].sum();
      String bound = i < bounds.length ? PrometheusText.number(bounds[i]) : "+Inf";
      out.sample(name + "_bucket", labels + ",le=\"" + bound + "\"", count);
    }
    out.sample(name + "_sum", labels, sum);
    out.sample(name + "_count", labels, count);
  }
}
