package io.pariskv.app.examples;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.cache.Rows;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.ParisKv;
import java.lang.foreign.MemorySegment;

/** The second example of the README: only the cache, for an engine that computes q, k and v itself. */
final class CacheOnly {
  private CacheOnly() {
  }

  /** What another engine computes, as rows of f32 after RoPE. */
  interface Engine {
    /** Keys of positions {@code from} to {@code to}, {@code [to - from][kvHeads][headDim]}. */
    MemorySegment keys(int from, int to);

    /** Values of positions {@code from} to {@code to}, {@code [to - from][kvHeads][headDim]}. */
    MemorySegment values(int from, int to);

    /** The query of a position, {@code [heads][headDim]}. */
    MemorySegment query(int position);
  }

  static float[] attend(Engine engine, int tokens, int heads, int kvHeads, int headDim) {
    float[] answer = new float[heads * headDim];
    // example:begin
    KvShape shape = new KvShape(1, heads, kvHeads, headDim, DType.BF16); // one layer, number 0
    try (Backend backend = Backends.open("auto");
        Allocator memory = backend.newAllocator();
        CachePool pool = new CachePool(backend, shape, ParisKv.defaults(), 1);
        KvCache cache = pool.open()) {
      Buffer k = memory.allocate(DType.F32, tokens, kvHeads, headDim);
      Buffer v = memory.allocate(DType.F32, tokens, kvHeads, headDim);
      Buffer q = memory.allocate(DType.F32, 1, heads, headDim);
      Buffer out = memory.allocate(DType.F32, 1, heads, headDim);
      backend.upload(engine.keys(0, tokens), k);
      backend.upload(engine.values(0, tokens), v);
      try (Rows prompt = cache.prefill(tokens)) {
        prompt.begin();
        prompt.append(0, k, v); // then prompt.attend, if the prompt's own attention is wanted
        prompt.commit();
      }
      try (DecodeBatch step = cache.step()) {
        backend.upload(engine.keys(tokens, tokens + 1), k.slice(0, 1));
        backend.upload(engine.values(tokens, tokens + 1), v.slice(0, 1));
        backend.upload(engine.query(tokens), q);
        step.prepare(); // from here to commit once for every new token
        step.begin();
        step.append(0, k.slice(0, 1), v.slice(0, 1));
        step.attend(0, q, out);
        step.commit();
        backend.download(out, MemorySegment.ofArray(answer));
      }
    }
    // example:end
    return answer;
  }
}
