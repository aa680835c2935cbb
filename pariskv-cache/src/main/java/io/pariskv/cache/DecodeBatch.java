package io.pariskv.cache;

import io.pariskv.attention.HeadTurn;
import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.Retrieval;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The next token of each of several sequences as one pass, used again for every step.
 *
 * <p>A step: {@link #prepare} on the host, the pass itself, {@link #commit} on the host. Between {@code
 * begin} and {@code commit} nothing depends on a number from the host, so the pass may be recorded and
 * run again while {@code prepare} returns the same value.
 */
public final class DecodeBatch implements Rows {
  private final CachePool pool;
  private final List<KvCache> caches;
  private final Allocator memory;
  private final Batch batch;
  /** Between {@link #prepare} and {@link #commit}, when the store may be ahead of the caches. */
  private boolean open;
  private boolean closed;

  DecodeBatch(CachePool pool, List<KvCache> caches) {
    this.pool = pool;
    this.caches = List.copyOf(caches);
    int[] slots = caches.stream().mapToInt(KvCache::slot).toArray();
    if (slots.length == 0 || caches.stream().distinct().count() != slots.length
        || caches.stream().anyMatch(cache -> cache.pool() != pool)) {
      throw new IllegalArgumentException("a batch needs one or more different caches of one pool");
    }
    memory = pool.backend().newAllocator();
    batch = new Batch(slots.length, memory.allocate(DType.I32, slots.length),
        memory.allocate(DType.I32, slots.length));
    pool.backend().upload(MemorySegment.ofArray(slots), batch.slots());
    pool.batches(1);
  }

  /**
   * Makes room for one more token of each sequence. Before each step, on the host.
   *
   * @return a number that changes when a recorded step must be recorded again
   */
  public long prepare() {
    rollBack();
    open = true;
    for (KvCache cache : caches) {
      cache.reserve(1);
      pool.state().beforeStep(cache.slot(), cache.zones());
    }
    return pool.state().prepare(zones());
  }

  /** Whether the pass may be recorded; else it must be run as it is. As of the last {@link #prepare}. */
  public boolean recordable() {
    return pool.state().recordable();
  }

  @Override
  public Batch batch() {
    return batch;
  }

  @Override
  public void begin() {
    pool.backend().attention().advance().advance(pool.kv(), batch);
  }

  @Override
  public void prepare(int layer, HeadTurn turn, Buffer q, Buffer k, Buffer v) {
    pool.backend().attention().preparation().prepare(pool.kv(), layer, batch, turn, q, k, v);
  }

  @Override
  public void append(int layer, Buffer k, Buffer v) {
    pool.backend().attention().append().append(pool.kv(), layer, batch, k, v);
  }

  @Override
  public void attend(int layer, Buffer q, Buffer out) {
    pool.state().attend(layer, batch, q, out);
  }

  /**
   * The retrieval that {@link #attend} begins with, for people who time it: its parts may be run for {@link
   * #batch} as they are. Null if the sequences are attended whole. As of the last {@link #prepare}.
   */
  public @Nullable Retrieval retrieval() {
    return pool.state().retrieval();
  }

  /**
   * The zone positions that the last {@link #attend} of a layer chose, for each KV head or query head, or null if
   * the sequences are attended whole; valid until the next layer's. In a recorded step that of its last layer.
   */
  public @Nullable Selection selection() {
    return pool.state().selection();
  }

  /** A pass may have ended with an exception; its positions are given again. */
  private void rollBack() {
    if (open) {
      caches.forEach(KvCache::rollBack);
      open = false;
    }
  }

  @Override
  public void commit() {
    if (!open) {
      throw new IllegalStateException("a step is committed that was not prepared");
    }
    for (KvCache cache : caches) {
      cache.appended(1, false);
    }
    open = false;
  }

  /** The zones of each sequence, in the order of the rows. */
  public List<TokenZones> zones() {
    TokenZones[] zones = new TokenZones[caches.size()]; // no stream: a step asks, and starts cold
    for (int row = 0; row < zones.length; row++) {
      zones[row] = caches.get(row).zones();
    }
    return List.of(zones);
  }

  /** Frees the batch's own small buffers; the caches stay open. */
  @Override
  public void close() {
    try (memory) {
      rollBack();
    } finally {
      pool.batches(closed ? 0 : -1);
      closed = true;
    }
  }
}
