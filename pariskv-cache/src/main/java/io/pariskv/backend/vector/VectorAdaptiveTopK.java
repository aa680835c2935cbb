package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.AdaptiveTopK;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * {@link AdaptiveTopK}, one task a head: the {@code k} best as {@link VectorTopK} finds them, which are few, and of those,
 * sorted, as many as are enough.
 */
final class VectorAdaptiveTopK implements AdaptiveTopK {
  private final Workers workers;
  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);

  VectorAdaptiveTopK(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void select(KeyIndex index, int layer, Batch batch, Buffer candidates, Buffer weights,
      ZoneTable norms, int share, Selection selection, Buffer totals) {
    AdaptiveTopK.requireShare(share);
    ZoneRows rows = ZoneRows.of(index, batch);
    HostZoneTable table = HostZoneTable.of(norms);
    int kvHeads = rows.kvHeads();
    candidates.requireAtLeast("candidates", DType.I32, batch.rows(), kvHeads,
        rows.mostCandidates());
    weights.requireAtLeast("candidate weights", DType.F32, batch.rows(), kvHeads,
        rows.mostCandidates());
    selection.positions().requireAtLeast("selection", DType.I32, batch.rows(), kvHeads,
        rows.mostSelected());
    long candidatesAt = candidates.segment().address();
    long weightsAt = weights.segment().address();
    long positionsAt = selection.positions().segment().address();
    int[] counts = new int[rows.heads()];
    workers.run(rows.heads(), head -> {
      int row = head / kvHeads;
      int count = rows.candidates(row);
      int most = rows.selected(row);
      if (most > 0) {
        long places = candidatesAt + head * candidates.shape().axis(2) * Integer.BYTES;
        long w = weightsAt + head * weights.shape().axis(2) * Float.BYTES;
        long b = scratch.get().reserve((long) Float.BYTES * (count + most));
        weigh(table, layer, rows.slot(row), head % kvHeads, places, count, w, b);
        counts[head] = choose(w, b, places, count, most, share,
            positionsAt + (long) head * selection.capacity() * Integer.BYTES);
      }
    });
    for (int head = 0; head < counts.length; head++) {
      selection.counts().segment().setAtIndex(ValueLayout.JAVA_INT, head, counts[head]);
      add(totals, 2 * rows.slot(head / kvHeads), counts[head]);
      add(totals, 2 * rows.slot(head / kvHeads) + 1, counts[head] > 0 ? 1 : 0);
    }
  }

  /** Cleans weights, and writes what candidates contribute. */
  private static void weigh(HostZoneTable table, int layer, int slot, int kvHead, long places,
      int count, long w, long b) {
    for (int i = 0; i < count; i++) {
      float given = weight(w, i);
      float weight = given > 0 ? given : 0;
      int key = Raw.getInt(places + (long) i * Integer.BYTES);
      float norm = Bf16.toFloat(
          table.row(layer, slot, kvHead, key).get(ValueLayout.JAVA_SHORT_UNALIGNED, 0));
      Raw.setFloat(w + (long) i * Float.BYTES, weight);
      Raw.setFloat(b + (long) i * Float.BYTES, Math.min(weight * norm, Float.MAX_VALUE));
    }
  }

  /** Writes the positions of those that are selected, {@code most} at most and at least 1; returns how many. */
  private static int choose(long w, long b, long places, int count, int most, int share,
      long out) {
    long best = b + (long) Float.BYTES * count;
    VectorTopK.select(w, 0, count, most, best);
    int[] chosen = new int[most];
    MemorySegment.copy(Raw.ALL, ValueLayout.JAVA_INT_UNALIGNED, best, chosen, 0, most);
    int enough = enough(w, b, count, chosen, share);
    Arrays.sort(chosen, 0, enough);
    for (int i = 0; i < enough; i++) {
      Raw.ALL.set(ValueLayout.JAVA_INT_UNALIGNED, out + (long) i * Integer.BYTES,
          Raw.getInt(places + (long) chosen[i] * Integer.BYTES));
    }
    return enough;
  }

  /** Sorts the best, the largest weight first and ties by lower place, and returns how many are enough. */
  private static int enough(long w, long b, int count, int[] best, int share) {
    float largest = 0;
    for (int i = 0; i < count; i++) {
      largest = Math.max(largest, weight(b, i));
    }
    if (largest == 0) {
      return best.length;
    }
    long total = 0;
    for (int i = 0; i < count; i++) {
      total += part(b, i, largest);
    }
    long enough = total - (total >> 16) * (65_536 - share);
    long[] order = new long[best.length];
    for (int i = 0; i < order.length; i++) { // none is negative, so bits ascend with them
      order[i] = (long) ~Float.floatToRawIntBits(weight(w, best[i])) << 32 | best[i];
    }
    Arrays.sort(order);
    int taken = 0;
    for (long sum = 0; taken < order.length && (sum < enough
        || weight(w, (int) order[taken]) == weight(w, best[taken - 1])); taken++) {
      best[taken] = (int) order[taken];
      sum += part(b, best[taken], largest);
    }
    return taken;
  }

  private static float weight(long w, int i) {
    return Raw.getFloat(w + (long) i * Float.BYTES);
  }

  /** What candidate {@code i} contributes, as a part of the largest in 2^-40. */
  private static long part(long b, int i, float largest) {
    return (long) (weight(b, i) / largest * 0x1p40f);
  }

  private static void add(Buffer totals, int i, int more) {
    long before = totals.segment().getAtIndex(ValueLayout.JAVA_LONG, i);
    totals.segment().setAtIndex(ValueLayout.JAVA_LONG, i, before + more);
  }
}
