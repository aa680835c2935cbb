package io.pariskv.app.bench;

import java.util.Collection;

/**
 * How long something took that happened often, in milliseconds.
 *
 * @param count how often
 * @param p50 half of them took no longer
 * @param p99 99 of 100 took no longer
 * @param max none took longer
 */
public record Latency(int count, double p50, double p99, double max) {

  /** Of any times in nanoseconds; zeros if there are none. */
  static Latency ofNanos(Collection<Long> times) {
    long[] sorted = times.stream().mapToLong(Long::longValue).sorted().toArray();
    return new Latency(sorted.length, at(sorted, 0.5), at(sorted, 0.99), at(sorted, 1));
  }

  private static double at(long[] sorted, double share) {
    return sorted.length == 0
        ? 0
        : sorted[(int) Math.ceil(share * sorted.length) - 1] / 1e6;
  }
}
