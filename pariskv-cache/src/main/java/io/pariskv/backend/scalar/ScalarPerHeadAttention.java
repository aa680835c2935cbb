package io.pariskv.backend.scalar;

import io.pariskv.attention.PerHeadAttention;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** {@link PerHeadAttention} in double: lists the attended positions of each query head, then one softmax. */
final class ScalarPerHeadAttention implements PerHeadAttention {
  @Override
  public void attend(KvStore kv, int layer, Batch batch, Buffer q, Selection selection,
      @Nullable Buffer logWeights, Buffer out) {
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    int rows = batch.rows();
    int headDim = shape.headDim();
    q.require("queries", DType.F32, rows, shape.heads(), headDim);
    out.require("attended rows", DType.F32, rows, shape.heads(), headDim);
    selection.counts().require("selected counts", DType.I32, rows, shape.heads());
    if (logWeights != null) {
      logWeights.require("log-weights", DType.F32, rows, shape.heads(), selection.capacity());
    }
    float[] queries = Elements.floats(q.segment(), DType.F32);
    int window = shape.window(layer);
    IntStream.range(0, rows * shape.heads()).parallel().forEach(head -> {
      int slot = Elements.getInt(batch.slots(), head / shape.heads());
      int kvHead = head % shape.heads() / shape.groupSize();
      TokenZones zones = store.zones(slot);
      int[] positions = Attended.positions(zones, window, selection, head);
      double[] added = new double[positions.length];
      if (logWeights != null && window == 0) {
        for (int i = 0; i < Elements.getInt(selection.counts(), head); i++) {
          added[zones.sinkEnd() + i] = Elements.getFloat(logWeights,
              (long) head * selection.capacity() + i);
        }
      }
      double[] result = Softmax.attend(queries, head * headDim,
          Attended.rows(store.keys(layer, slot), kvHead, positions),
          Attended.rows(store.values(layer, slot), kvHead, positions), headDim, added);
      for (int i = 0; i < headDim; i++) {
        Elements.setFloat(out, (long) head * headDim + i, (float) result[i]);
      }
    });
  }
}
