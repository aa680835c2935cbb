package io.pariskv.backend.vector;

import io.pariskv.attention.PerHeadAttention;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import org.jspecify.annotations.Nullable;

/** {@link PerHeadAttention} on vectors and all cores: {@link PiecewiseAttention} of each query head. */
final class VectorPerHeadAttention implements PerHeadAttention {
  private final PiecewiseAttention attention;

  VectorPerHeadAttention(Workers workers) {
    this.attention = new PiecewiseAttention(workers);
  }

  @Override
  public void attend(KvStore kv, int layer, Batch batch, Buffer q, Selection selection,
      @Nullable Buffer logWeights, Buffer out) {
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    int window = shape.window(layer);
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    out.require("attended rows", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    selection.counts().require("selected counts", DType.I32, batch.rows(), shape.heads());
    if (logWeights != null) {
      logWeights.require("log-weights", DType.F32, batch.rows(), shape.heads(),
          selection.capacity());
    }
    KvShape alone = new KvShape(shape.layers(), shape.heads(), shape.heads(), shape.headDim(),
        shape.dtype(), shape.windows());
    attention.attend(store, layer, batch, q, alone, (zones, head) -> AttendedTokens
        .of(zones, window, selection, head).weighted(logWeights, selection, head), out);
  }
}
