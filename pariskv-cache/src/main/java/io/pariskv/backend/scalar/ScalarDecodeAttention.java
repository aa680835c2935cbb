package io.pariskv.backend.scalar;

import io.pariskv.attention.DecodeAttention;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** {@link DecodeAttention} in double: lists the attended positions, then one softmax a head. */
final class ScalarDecodeAttention implements DecodeAttention {
  @Override
  public void attend(KvStore kv, int layer, Batch batch, Buffer q, @Nullable Selection selection,
      Buffer out) {
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
      int row = task / shape.kvHeads();
      int slot = Elements.getInt(batch.slots(), row);
      int[] positions = positions(store.zones(slot), shape.window(layer), selection, task);
      float[] keys = rows(store.keys(layer, slot), task % shape.kvHeads(), positions);
      float[] values = rows(store.values(layer, slot), task % shape.kvHeads(), positions);
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

  /** The positions that KV head {@code task} of all rows' KV heads attends, ascending. */
  private static int[] positions(TokenZones zones, int window, @Nullable Selection selection,
      int task) {
    if (window > 0) {
      return IntStream.range(Math.max(0, zones.length() - window), zones.length()).toArray();
    }
    IntStream sink = IntStream.range(0, zones.sinkEnd());
    IntStream recent = IntStream.range(zones.recentStart(), zones.length());
    IntStream selected = IntStream.empty();
    if (selection != null) {
      long first = (long) task * selection.capacity();
      selected = IntStream.range(0, Elements.getInt(selection.counts(), task))
          .map(i -> zones.sinkEnd() + Elements.getInt(selection.positions(), first + i));
    }
    return IntStream.concat(IntStream.concat(sink, selected), recent).toArray();
  }

  /** {@code [positions][headDim]} of one KV head. */
  private static float[] rows(TokenSlabs slabs, int kvHead, int[] positions) {
    float[] rows = new float[Math.multiplyExact(positions.length, slabs.width())];
    for (int i = 0; i < positions.length; i++) {
      float[] row = Elements.floats(slabs.row(kvHead, positions[i]), slabs.dtype());
      System.arraycopy(row, 0, rows, i * slabs.width(), slabs.width());
    }
    return rows;
  }
}
