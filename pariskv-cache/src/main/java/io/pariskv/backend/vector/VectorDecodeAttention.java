package io.pariskv.backend.vector;

import io.pariskv.attention.DecodeAttention;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import org.jspecify.annotations.Nullable;

/** {@link DecodeAttention} on vectors and all cores: {@link PiecewiseAttention} of each KV head. */
final class VectorDecodeAttention implements DecodeAttention {
  private final PiecewiseAttention attention;

  VectorDecodeAttention(Workers workers) {
    this.attention = new PiecewiseAttention(workers);
  }

  @Override
  public void attend(KvStore kv, int layer, Batch batch, Buffer q, int window,
      @Nullable Selection selection, Buffer out) {
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    out.require("attended rows", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    if (selection != null) {
      selection.counts().require("selected counts", DType.I32, batch.rows(), shape.kvHeads());
    }
    attention.attend(store, layer, batch, q, shape, (zones, pair) -> AttendedTokens
        .of(zones, window, selection, pair), out);
  }
}
