package io.pariskv.backend.scalar;

import io.pariskv.attention.DecodeAttention;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** {@link DecodeAttention} in double: lists the attended positions, then one softmax a head. */
final class ScalarDecodeAttention implements DecodeAttention {
  @Override
  public void attend(KvStore kv, int layer, Batch batch, Buffer q, int window,
      @Nullable Selection selection, Buffer out) {
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    int rows = batch.rows();
    q.require("queries", DType.F32, rows, shape.heads(), shape.headDim());
    out.require("attended rows", DType.F32, rows, shape.heads(), shape.headDim());
    if (selection != null) {
      selection.counts().require("selected counts", DType.I32, rows, shape.kvHeads());
    }
    float[] queries = Elements.floats(q.segment(), DType.F32);
    IntStream.range(0, rows * shape.kvHeads()).parallel().forEach(task -> {
      int slot = Elements.getInt(batch.slots(), task / shape.kvHeads());
      int kvHead = task % shape.kvHeads();
      int[] positions = Attended.positions(store.zones(slot), window, selection, task);
      float[] keys = Attended.rows(store.keys(layer, slot), kvHead, positions);
      float[] values = Attended.rows(store.values(layer, slot), kvHead, positions);
      int group = shape.groupSize();
      for (int head = task * group; head < (task + 1) * group; head++) {
        int at = head * shape.headDim();
        double[] result = Softmax.attend(queries, at, keys, values, shape.headDim(), 0,
            positions.length);
        for (int i = 0; i < shape.headDim(); i++) {
          Elements.setFloat(out, at + i, (float) result[i]);
        }
      }
    });
  }
}
