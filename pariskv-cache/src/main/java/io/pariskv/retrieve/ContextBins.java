package io.pariskv.retrieve;

import io.pariskv.kv.KvStore;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * Counts of the keys that decode steps selected, by where in the context they lie: for each slot the context is cut into
 * {@link #BINS} bins, bin {@code b} being the positions from {@code b * width} to {@code (b + 1) * width - 1}.
 *
 * @param widths {@code [slots] i32}, tokens of a bin, at least 1
 * @param sums {@code [slots][BINS] i64}, over all steps
 * @param steps {@code [slots][STEPS][BINS] i32}, of single steps: the one whose token has position {@code p} is row {@code p %
 *     STEPS}, so the last {@code STEPS - 1} of them are there, and the row of the next one, which is zero
 */
public record ContextBins(Buffer widths, Buffer sums, Buffer steps) {
  /** Bins of a context. */
  public static final int BINS = 256;

  /** Rows of single steps. */
  public static final int STEPS = 32;

  /** Checks the shapes. */
  public ContextBins {
    long slots = widths.shape().axis(0);
    widths.require("widths of bins", DType.I32, slots);
    sums.require("sums of bins", DType.I64, slots, BINS);
    steps.require("bins of steps", DType.I32, slots, STEPS, BINS);
  }

  /** Memory for these slots, not set to anything. */
  public static ContextBins allocate(Allocator memory, int slots) {
    return new ContextBins(memory.allocate(DType.I32, slots),
        memory.allocate(DType.I64, slots, BINS), memory.allocate(DType.I32, slots, STEPS, BINS));
  }

  /** Bytes of a slot. */
  public static long bytesOfSlot() {
    return Integer.BYTES + (long) BINS * (Long.BYTES + STEPS * Integer.BYTES);
  }

  /**
   * Checks that there are as many slots as a store has.
   *
   * @throws IllegalArgumentException with both numbers if not
   */
  public void requireSlotsOf(KvStore kv) {
    widths.require("widths of bins", DType.I32, kv.slots());
  }
}
