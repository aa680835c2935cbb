package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Step;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.kv.RowFetches;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.Opened;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.StepCost;
import io.pariskv.retrieve.Retrieval;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A decode step over random K and V, begun and never ended: its rows are appended, and its layers may be attended as
 * often as one likes, with other queries every time.
 */
final class RandomStep implements AutoCloseable {
  private final Backend backend;
  private final RandomContext held;
  private final CachePool pool;
  private final Allocator memory;
  private final RandomRows random;
  private final List<KvCache> caches = new ArrayList<>();
  private final Buffer q;
  private final Buffer out;
  private final QuerySets queries;
  private DecodeBatch batch;

  /**
   * Fills the context and begins a step.
   *
   * @param queries sets of queries, which runs take in turn
   * @param correlation of a query with the one after it, 0 to 1
   */
  RandomStep(Backend backend, RandomContext held, AttentionMethod method, int queries,
      double correlation, long seed) {
    this.backend = backend;
    this.held = held;
    Opened opened = new Opened();
    try {
      pool = opened.keep(new CachePool(backend, held.shape(), method, held.batch(),
          held.placement(), held.rowCache()));
      memory = opened.keep(backend.newAllocator());
      random = new RandomRows(backend, memory, held.shape(), held.chunk(backend), seed);
      for (int i = 0; i < held.batch(); i++) {
        caches.add(pool.open());
        random.fill(caches.getLast(), held.context());
      }
      int heads = held.shape().heads();
      int headDim = held.shape().headDim();
      q = memory.allocate(DType.F32, held.batch(), heads, headDim);
      out = memory.allocate(DType.F32, held.batch(), heads, headDim);
      this.queries = new QuerySets(backend, q, queries, correlation, seed);
      batch = begin();
    } catch (RuntimeException | Error e) {
      opened.closeAfter(e);
      throw e;
    }
  }

  private DecodeBatch begin() {
    DecodeBatch begun = pool.batch(caches);
    try {
      begun.prepare();
      random.begin(begun);
      return begun;
    } catch (RuntimeException | Error e) {
      begun.close();
      throw e;
    }
  }

  /**
   * Attends by another method from here on, over the same K and V and with the same queries.
   *
   * @return seconds in which it summarised the keys
   */
  double use(AttentionMethod method) {
    batch.close();
    queries.restart();
    queries.next();
    await();
    long start = System.nanoTime();
    pool.use(method);
    batch = begin();
    await();
    return (System.nanoTime() - start) / 1e9;
  }

  private void await() {
    backend.download(q,
        MemorySegment.ofArray(new float[Math.toIntExact(q.shape().elements())]));
  }

  /** Attends a layer. */
  void attend(int layer) {
    batch.attend(layer, q, out);
  }

  /** How the method retrieves, null if it is not asked part by part. */
  @Nullable
  Retrieval retrieval() {
    return batch.retrieval();
  }

  /** Does the first parts of that for a layer. */
  void retrieve(int layer, int lastPart) {
    Retrieval retrieval = batch.retrieval();
    for (int part = 0; retrieval != null && part <= lastPart; part++) {
      retrieval.run(part, layer, batch.batch(), q);
    }
  }

  /** What the last layer selected, null if nothing. */
  @Nullable
  Selection selection() {
    return batch.selection();
  }

  /** The queries. */
  QuerySets queries() {
    return queries;
  }

  /** Whether runs are those of a recorded step. */
  boolean recordable() {
    return batch.recordable();
  }

  /**
   * Times all layers in turn as one step, and gives the time of each.
   *
   * @param before called before each run, after the queries of it; not timed
   * @param warm called once, between the last run to warm up and the first that is timed
   */
  Timing time(Runnable before, IntConsumer layer, int runs, Runnable warm) {
    int layers = held.shape().layers();
    Runnable all = () -> {
      for (int i = 0; i < layers; i++) {
        layer.accept(i);
      }
    };
    queries.restart();
    try (Step step = batch.recordable() ? backend.record(all) : all::run) {
      return Timing.of(backend, () -> {
        queries.next();
        before.run();
      }, step, runs, warm).each(layers);
    }
  }

  /** What a step of one sequence reads, in all layers. */
  StepCost cost() {
    return caches.getFirst().stepCost();
  }

  /** The same of a step that was seen to select so many keys a head. */
  StepCost cost(double selected) {
    return caches.getFirst().stepCost(selected);
  }

  /** Tokens of a sequence that every step attends. */
  int attendedAnyway() {
    return caches.getFirst().zones().appended(1).residentTokens();
  }

  /** Rows that came over the bus so far; nothing without a cache of rows. */
  RowFetches fetches() {
    return caches.stream().map(KvCache::fetches).reduce(RowFetches.NONE, RowFetches::plus);
  }

  /** The pool. */
  CachePool pool() {
    return pool;
  }

  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public void close() {
    try (pool; memory) {
      batch.close();
    }
  }
}
