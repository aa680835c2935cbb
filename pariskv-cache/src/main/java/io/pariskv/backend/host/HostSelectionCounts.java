package io.pariskv.backend.host;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.ContextBins;
import io.pariskv.retrieve.SelectionCounts;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@link SelectionCounts} of both CPU backends: some thousand additions a row. */
public final class HostSelectionCounts implements SelectionCounts {
  @Override
  public void add(KvStore kv, Batch batch, Selection selection, boolean first, ContextBins bins) {
    SelectionCounts.require(kv, batch, selection, bins);
    for (int row = 0; row < batch.rows(); row++) {
      int slot = get(batch.slots(), row);
      int step = slot * ContextBins.STEPS + get(batch.positions(), row) % ContextBins.STEPS;
      int next = slot * ContextBins.STEPS
          + (get(batch.positions(), row) + 1) % ContextBins.STEPS;
      if (first) {
        row(bins.steps(), next, Integer.BYTES).fill((byte) 0);
      }
      int sink = HostKvStore.of(kv).zones(slot).sinkEnd();
      count(selection, row, sink, get(bins.widths(), slot),
          row(bins.sums(), slot, Long.BYTES), row(bins.steps(), step, Integer.BYTES));
    }
  }

  private static void count(Selection selection, int row, int sink, int width, MemorySegment sums,
      MemorySegment steps) {
    for (int head = row * selection.heads(); head < (row + 1) * selection.heads(); head++) {
      long from = (long) head * selection.capacity();
      int count = get(selection.counts(), head);
      for (int i = 0; i < count; i++) {
        int position = sink + get(selection.positions(), from + i);
        int bin = Math.min(position / width, ContextBins.BINS - 1);
        sums.setAtIndex(ValueLayout.JAVA_LONG, bin,
            sums.getAtIndex(ValueLayout.JAVA_LONG, bin) + 1);
        steps.setAtIndex(ValueLayout.JAVA_INT, bin,
            steps.getAtIndex(ValueLayout.JAVA_INT, bin) + 1);
      }
    }
  }

  private static MemorySegment row(Buffer bins, long row, int bytes) {
    long size = (long) ContextBins.BINS * bytes;
    return bins.segment().asSlice(row * size, size);
  }

  private static int get(Buffer buffer, long i) {
    return buffer.segment().getAtIndex(ValueLayout.JAVA_INT, i);
  }
}
