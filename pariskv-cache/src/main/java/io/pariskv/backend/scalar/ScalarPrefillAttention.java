package io.pariskv.backend.scalar;

import io.pariskv.attention.PrefillAttention;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.util.stream.IntStream;

/** {@link PrefillAttention} in double, one softmax a row and query head. */
final class ScalarPrefillAttention implements PrefillAttention {
  @Override
  public void attend(KvStore kv, int layer, int slot, int start, Buffer q, Buffer out) {
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    int rows = q.shape().extent(0);
    int heads = shape.heads();
    int headDim = shape.headDim();
    q.require("queries", DType.F32, rows, heads, headDim);
    out.require("attended rows", DType.F32, rows, heads, headDim);
    float[] queries = Elements.floats(q.segment(), DType.F32);
    int window = shape.window(layer);
    int group = shape.groupSize();
    for (int h = 0; h < shape.kvHeads(); h++) {
      int kvHead = h;
      float[] keys = rows(store.keys(layer, slot), kvHead, start + rows);
      float[] values = rows(store.values(layer, slot), kvHead, start + rows);
      IntStream.range(0, rows * group).parallel().forEach(task -> {
        int row = task / group;
        int at = (row * heads + kvHead * group + task % group) * headDim;
        int to = start + row + 1;
        int from = window > 0 ? Math.max(0, to - window) : 0;
        double[] result = Softmax.attend(queries, at, keys, values, headDim, from, to);
        for (int i = 0; i < headDim; i++) {
          Elements.setFloat(out, at + i, (float) result[i]);
        }
      });
    }
  }

  /** {@code [tokens][headDim]} of one KV head. */
  private static float[] rows(TokenSlabs slabs, int kvHead, int tokens) {
    float[] rows = new float[Math.multiplyExact(tokens, slabs.width())];
    for (int t = 0; t < tokens; t++) {
      float[] row = Elements.floats(slabs.row(kvHead, t), slabs.dtype());
      System.arraycopy(row, 0, rows, t * slabs.width(), slabs.width());
    }
    return rows;
  }
}
