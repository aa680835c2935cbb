package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;

/**
 * What is held while attention is timed: layers of random K and V.
 *
 * @param shape with the layers that take turns
 * @param context tokens of a sequence, without the new one
 * @param batch sequences
 */
record RandomContext(KvShape shape, int context, int batch, KvPlacement placement,
    RowCacheSize rowCache) {

  /** What it takes, with what {@code method} keeps. */
  MemoryPlan plan(Backend backend, AttentionMethod method) {
    int chunk = chunk(backend);
    MemoryPlan kv = backend.planKv(RandomRows.plan(backend.plan(), shape, chunk), shape, batch,
        context + 1, chunk, placement);
    int cachedRows = rowCache.rows(placement, method.selectedKeys(), backend.mostCachedRows());
    return method.plan(backend.planRowCache(kv, shape, batch, cachedRows), shape, batch,
        context + 1);
  }

  /** Tokens that are filled in at a time. */
  int chunk(Backend backend) {
    return Math.max(batch, Math.min(context, backend.prefillChunk(false)));
  }

  /** What a user can do if it does not fit. */
  String wayOut() {
    return "lower --context (" + context + "), --batch (" + batch + ") or --layers ("
        + shape.layers() + ")";
  }
}
