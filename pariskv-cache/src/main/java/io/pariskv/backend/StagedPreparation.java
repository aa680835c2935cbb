package io.pariskv.backend;

import io.pariskv.attention.HeadTurn;
import io.pariskv.attention.QkvPreparation;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvAppend;
import io.pariskv.kv.KvStore;
import io.pariskv.layer.RmsNorm;
import io.pariskv.layer.Rotary;
import io.pariskv.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** The preparation of queries, keys and values as one call of each stage. */
public record StagedPreparation(RmsNorm rmsNorm, Rotary rotary, KvAppend append)
    implements
      QkvPreparation {

  @Override
  public void prepare(KvStore kv, int layer, Batch batch, HeadTurn turn, Buffer q, Buffer k,
      Buffer v) {
    turn.require(kv.shape(), batch.rows(), q, k, v);
    turn(turn, q, k);
    append.append(kv, layer, batch, k, v);
  }

  @Override
  public void prepareChunk(KvStore kv, int layer, int slot, int start, HeadTurn turn, Buffer q,
      Buffer k, Buffer v) {
    turn.require(kv.shape(), k.shape().extent(0), q, k, v);
    turn(turn, q, k);
    append.appendChunk(kv, layer, slot, start, k, v);
  }

  private void turn(HeadTurn turn, Buffer q, Buffer k) {
    normalize(q, turn.qNorm(), turn.epsilon());
    normalize(k, turn.kNorm(), turn.epsilon());
    rotary.rotate(q, turn.angles());
    rotary.rotate(k, turn.angles());
  }

  /** QK-norm: every head is a row. */
  private void normalize(Buffer x, @Nullable Buffer weight, float epsilon) {
    if (weight != null) {
      Buffer heads = x.reshape(x.shape().axis(0) * x.shape().axis(1), x.shape().axis(2));
      rmsNorm.normalize(heads, weight, epsilon, heads);
    }
  }
}
