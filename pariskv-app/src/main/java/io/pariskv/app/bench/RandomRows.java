package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.cache.Rows;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;

/** Fills sequences with random rows of K and V, made where the stages run, instead of a prompt's. */
final class RandomRows {
  private final Backend backend;
  private final KvShape shape;
  private final int chunk;
  private final Buffer k;
  private final Buffer v;
  private long seed;
  private long reserveNanos;

  /** @param chunk most tokens of one pass */
  RandomRows(Backend backend, Allocator memory, KvShape shape, int chunk, long seed) {
    this.backend = backend;
    this.shape = shape;
    this.chunk = chunk;
    this.seed = seed;
    k = memory.allocate(DType.F32, chunk, shape.kvHeads(), shape.headDim());
    v = memory.allocate(DType.F32, chunk, shape.kvHeads(), shape.headDim());
  }

  /** {@code plan} with what this allocates. */
  static MemoryPlan plan(MemoryPlan plan, KvShape shape, int chunk) {
    return plan.with("rows to fill with",
        2L * chunk * shape.kvHeads() * shape.headDim() * DType.F32.bytes());
  }

  /** Appends {@code tokens} tokens to a sequence. */
  void fill(KvCache cache, int tokens) {
    for (int from = 0; from < tokens; from += chunk) {
      int count = Math.min(chunk, tokens - from);
      long start = System.nanoTime();
      try (Rows rows = cache.prefill(count)) {
        reserveNanos += System.nanoTime() - start;
        rows.begin();
        append(rows, count);
        rows.commit();
      }
    }
  }

  /** Seconds in which memory for the tokens was reserved: with offload, mapped and page-locked. */
  double reserveSeconds() {
    return reserveNanos / 1e9;
  }

  /** Begins a decode step and appends its row to every sequence; the step is neither ended nor attended. */
  void begin(DecodeBatch batch) {
    batch.begin();
    append(batch, batch.batch().rows());
  }

  private void append(Rows rows, int count) {
    for (int layer = 0; layer < shape.layers(); layer++) {
      backend.layers().randomFill().fill(k, ++seed, 1);
      backend.layers().randomFill().fill(v, ++seed, 1);
      rows.append(layer, k.slice(0, count), v.slice(0, count));
    }
  }
}
