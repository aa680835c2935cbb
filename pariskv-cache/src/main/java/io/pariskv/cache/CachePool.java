package io.pariskv.cache;

import io.pariskv.backend.Backend;
import io.pariskv.error.InputException;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.AvailableMemory;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.Opened;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.MethodState;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The key-value caches of up to {@code slots} sequences that may decode in one batch.
 *
 * <p>Not thread-safe: one driving thread, the backend's. Closing frees every sequence; their caches may
 * be closed before or after.
 */
public final class CachePool implements AutoCloseable {
  private final Backend backend;
  private final KvStore kv;
  private final Allocator memory;
  private final List<KvCache> caches = new ArrayList<>();
  private AttentionMethod method;
  private MethodState state;
  private Batch chunk;
  /** Decode batches that are open. */
  private int batches;
  private boolean closed;

  /**
   * An empty pool.
   *
   * @param method what decode steps attend
   * @param slots most sequences open at a time
   * @throws io.pariskv.error.InputException if the method cannot serve the geometry
   */
  public CachePool(Backend backend, KvShape shape, AttentionMethod method, int slots) {
    this(backend, shape, method, slots, backend.kvPlacement());
  }

  /** The same with K and V where {@code placement} says. */
  public CachePool(Backend backend, KvShape shape, AttentionMethod method, int slots,
      KvPlacement placement) {
    this(backend, shape, method, slots, placement, RowCacheSize.AUTO);
  }

  /** The same with a cache of rows that decode steps select, where K and V are offloaded. */
  public CachePool(Backend backend, KvShape shape, AttentionMethod method, int slots,
      KvPlacement placement, RowCacheSize rowCache) {
    method.check(shape);
    this.backend = backend;
    this.method = method;
    Opened opened = new Opened();
    try {
      this.kv = opened.keep(backend.newKvStore(shape, slots, placement,
          rowCache.rows(placement, method.selectedKeys(), backend.mostCachedRows())));
      this.state = opened.keep(method.open(backend, kv));
      this.memory = opened.keep(backend.newAllocator());
      this.chunk = newChunk(1);
    } catch (RuntimeException | Error e) {
      opened.closeAfter(e);
      throw e;
    }
  }

  private Batch newChunk(int rows) {
    return new Batch(rows, memory.allocate(DType.I32, rows), memory.allocate(DType.I32, rows));
  }

  /**
   * Slots and positions of a chunk of one sequence, valid until the next call: one pass at a time is under
   * way. The memory is used again, since on a GPU allocating would hold up a prefill.
   */
  Batch describe(int slot, int start, int rows) {
    if (rows > chunk.rows()) {
      chunk = newChunk(Math.max(rows, 2 * chunk.rows()));
    }
    int[] slots = new int[rows];
    Arrays.fill(slots, slot);
    int[] positions = new int[rows];
    Arrays.setAll(positions, i -> start + i);
    Batch described = new Batch(rows, chunk.slots().slice(0, rows),
        chunk.positions().slice(0, rows));
    backend.upload(MemorySegment.ofArray(slots), described.slots());
    backend.upload(MemorySegment.ofArray(positions), described.positions());
    return described;
  }

  /** A new, empty sequence; the caller closes it. */
  public KvCache open() {
    KvCache cache = new KvCache(this, kv.open());
    caches.add(cache);
    return cache;
  }

  /** The next token of each of {@code caches} as one pass; they must be of this pool and differ. */
  public DecodeBatch batch(List<KvCache> caches) {
    return new DecodeBatch(this, caches);
  }

  /**
   * Lets decode steps attend by another method from here on, over the K and V that are there: it summarises the keys of
   * every open sequence as if all of its tokens had been a prompt, which costs about a hundredth of their prefill. So one
   * prefill, which is exact whatever the method, serves several of them. If that fails, the pool is as before.
   *
   * @throws InputException if the method cannot serve the geometry, or selects more keys than the cache of rows has
   *     place for
   * @throws IllegalStateException if a decode batch is open: what was recorded of it reads the memory of the method
   *     before
   * @throws OutOfMemoryError if there is no room for what the method keeps
   */
  public void use(AttentionMethod other) {
    other.check(kv.shape());
    if (batches > 0) {
      throw new IllegalStateException("method " + method.name() + " cannot give way to "
          + other.name() + " while " + batches + " decode batches are open; close them first");
    }
    int cachedRows = kv.cachedRows();
    if (cachedRows > 0 && other.selectedKeys() > cachedRows) {
      throw new InputException("method " + other.name() + " selects " + other.selectedKeys()
          + " keys a step, and the cache of rows has place for " + cachedRows
          + "; give --row-cache as many, or off");
    }
    MethodState before = state;
    MethodState next = other.open(backend, kv);
    try {
      caches.forEach(cache -> before.release(cache.slot())); // room for the other's summaries
      caches.forEach(cache -> cache.summarise(next));
    } catch (RuntimeException | Error e) {
      Opened opened = new Opened();
      opened.keep(next);
      opened.closeAfter(e);
      caches.forEach(cache -> cache.summarise(before));
      throw e;
    }
    state = next;
    method = other;
    before.close();
  }

  /** The backend that runs the stages. */
  public Backend backend() {
    return backend;
  }

  /** The geometry. */
  public KvShape shape() {
    return kv.shape();
  }

  /** What decode steps attend. */
  public AttentionMethod method() {
    return method;
  }

  /** Bytes of K, V and summaries held now. */
  public long bytes() {
    return kv.bytes() + state.bytes();
  }

  /** The same by place: what would be available again if the pool were closed. */
  public AvailableMemory held() {
    MemoryPlace work = backend.plan().work();
    long host = kv.pinnedBytes() + state.hostBytes();
    return AvailableMemory.of(MemoryPlace.HOST, host)
        .plus(AvailableMemory.of(work, kv.bytes() + state.bytes() - host));
  }

  /** Bytes of K and V held in page-locked host memory. */
  public long pinnedBytes() {
    return kv.pinnedBytes();
  }

  /** Most tokens of a sequence whose rows need no way over the bus: all, unless K and V are offloaded. */
  public int residentRows() {
    return kv.residentRows();
  }

  /** Rows that the cache of each KV head has, 0 if there is none. */
  public int cachedRows() {
    return kv.cachedRows();
  }

  /** Bytes that the method keeps about keys now. */
  public long methodBytes() {
    return state.bytes();
  }

  KvStore kv() {
    return kv;
  }

  MethodState state() {
    return state;
  }

  boolean isClosed() {
    return closed;
  }

  void release(KvCache cache, int slot) {
    caches.remove(cache);
    if (!closed) { // else it is freed already
      state.release(slot);
      kv.release(slot);
    }
  }

  /** Counts the decode batches that are open. */
  void batches(int change) {
    batches += change;
  }

  /** {@inheritDoc} All of it, even if a part fails, as everything on a GPU does after a fault. */
  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public void close() {
    if (!closed) {
      closed = true;
      MethodState last = state;
      try (memory; kv; last) {
        // nothing else
      }
    }
  }
}
