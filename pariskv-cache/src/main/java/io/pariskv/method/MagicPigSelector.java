package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.index.HashIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** Samples keys for each query head, with room for all of them: how many there will be is left to chance. */
final class MagicPigSelector implements Selector {
  private final Backend backend;
  private final KvStore kv;
  private final HashIndex index;
  private final Allocator memory;
  private final int rows;
  private final int keys;
  private final Selection sampled;
  private final Buffer logWeights;

  MagicPigSelector(Backend backend, KvStore kv, HashIndex index, int rows, int keys) {
    this.backend = backend;
    this.kv = kv;
    this.index = index;
    this.rows = rows;
    this.keys = keys;
    this.memory = backend.newAllocator();
    int heads = kv.shape().heads();
    try {
      sampled = new Selection(memory.allocate(DType.I32, rows, heads, keys),
          memory.allocate(DType.I32, rows, heads));
      logWeights = memory.allocate(DType.F32, rows, heads, keys);
    } catch (RuntimeException | Error e) {
      memory.close();
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
  public boolean serves(int sequences, int longest) {
    return rows == sequences && longest <= keys;
  }

  @Override
  public Selection select(int layer, Batch batch, Buffer q) {
    backend.hashes().sampling().sample(kv, layer, batch, q, index, sampled, logWeights);
    return sampled;
  }

  @Override
  public long bytes() {
    return memory.allocatedBytes();
  }

  @Override
  public void close() {
    memory.close();
  }
}
