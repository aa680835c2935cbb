package io.pariskv.bench;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What JMH reports a second beside the calls: arithmetic and memory traffic. */
@AuxCounters(AuxCounters.Type.OPERATIONS)
@State(Scope.Thread)
public class Rates {
  /** Thousands of millions of floating-point operations; a multiply-add is two. */
  public double gflop;

  /** Thousands of millions of bytes read. */
  public double gigabytes;
}
