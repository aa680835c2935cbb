package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.index.HashIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** Samples keys for each query head, with room for all of them: how many there will be is left to chance. */
final class MagicPigSelector extends ScratchSelector {
  private final Backend backend;
  private final KvStore kv;
  private final HashIndex index;
  private final Selection sampled;
  private final Buffer logWeights;

  MagicPigSelector(Backend backend, KvStore kv, HashIndex index, int rows, int keys) {
    super(backend, rows, keys);
    this.backend = backend;
    this.kv = kv;
    this.index = index;
    int heads = kv.shape().heads();
    try {
      sampled = Selection.allocate(memory(), rows, heads, keys);
      logWeights = memory().allocate(DType.F32, rows, heads, keys);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** Bytes that a sequence takes with {@code keys} keys. */
  static long bytes(KvShape shape, int keys) {
    return 4L * shape.heads() * (2L * keys + 1);
  }

  /** Of the last selection. */
  Buffer logWeights() {
    return logWeights;
  }

  @Override
  public Selection select(int layer, Batch batch, Buffer q) {
    backend.hashes().sampling().sample(kv, layer, batch, q, index, sampled, logWeights);
    return sampled;
  }
}
