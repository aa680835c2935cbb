package io.pariskv.backend.cuda;

import io.pariskv.backend.host.Slots;
import io.pariskv.error.InputException;
import io.pariskv.kv.AddressTables;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.RowFetches;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * K and V of several sequences for kernels. The layout is in {@code kv_rows.cuh}: slabs of tokens, in device
 * memory or, with offload, in pinned host memory beside a resident copy of the first and the last tokens, to which steps
 * append; {@link DeferredRows} brings their rows to the slabs.
 *
 * <p>With offload it may have a {@link CudaRowCache} too. Kernels find slabs by tables in device memory that
 * never move, so a recorded step stays valid while sequences grow, close and open.
 */
final class CudaKvStore implements KvStore {
  /** Slabs that the table of a sequence has room for: {@code MAX_SLABS} of kv_rows.cuh. */
  static final int MAX_SLABS = AddressTables.MAX_SLABS;

  // Of kv_rows.cuh: what a sequence has in device memory with offload.
  private static final int SINK_ROWS = 128;
  private static final int RING_ROWS = 2048;
  static final int RESIDENT_ROWS = SINK_ROWS + RING_ROWS;

  private static final int REFILL_BLOCK = 256;
  private static final int REFILL_BLOCKS = 8; // of one layer and KV head
  private static final int COPY_BLOCK = 256;
  private static final int COPY_BLOCKS = 16; // of one layer and KV head

  private final Kernels kernels;
  private final KvShape shape;
  private final Slots slots;
  private final boolean offloaded;
  private final CudaFunction refill;
  private final CudaFunction copy;
  private final DeviceAllocator tables;
  private final KvSlabs slabs;
  private final Buffer zones;
  private final @Nullable DeferredRows deferred;
  private final @Nullable CudaRowCache rowCache;
  private @Nullable KvOffload offload;

  /**
   * An empty store.
   *
   * @param offload whether K and V live in pinned host memory
   * @param cachedRows rows of a KV head that stay in device memory then when a step had selected them, or 0
   */
  CudaKvStore(Kernels kernels, KvShape shape, int slots, boolean offload, int cachedRows) {
    this.kernels = kernels;
    this.shape = shape;
    this.slots = new Slots(slots);
    this.offloaded = offload;
    this.refill = kernels.function("kv_refill");
    this.copy = kernels.function("kv_copy");
    this.tables = new DeviceAllocator(kernels.stream());
    try {
      this.zones = tables.allocate(DType.I32, slots, ZONE_FIELDS);
      this.deferred = offload ? new DeferredRows(kernels, this, tables, slots) : null;
      this.rowCache = offload && cachedRows > 0 && shape.windows().contains(0)
          ? new CudaRowCache(kernels, tables, shape, slots, cachedRows)
          : null;
      this.slabs = new KvSlabs(kernels, tables, shape, slots, offload, rowCache);
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, tables::close);
      throw e;
    }
  }

  /**
   * The store behind {@code kv}.
   *
   * @throws IllegalArgumentException if another kind of backend made it
   */
  static CudaKvStore of(KvStore kv) {
    if (kv instanceof CudaKvStore cuda) {
      return cuda;
    }
    throw new IllegalArgumentException("a CUDA stage cannot read a "
        + kv.getClass().getSimpleName()
        + "; create the store with the backend that runs the stages");
  }

  /** Whether the slabs are in host memory. */
  boolean offloaded() {
    return offloaded;
  }

  /** The cache of selected rows, if there is one. */
  @Nullable
  CudaRowCache rowCache() {
    return rowCache;
  }

  /** Adds the five arguments that every kernel begins with which reads K or V; see kv_rows.cuh. */
  KernelLaunch args(KernelLaunch launch, int layer) {
    tables.requireOpen("used");
    return slabs.args(launch).arg(zones)
        .arg(Objects.checkIndex(layer, shape.layers())).arg(shape.layers());
  }

  /** Whether slabs are host memory. */
  boolean isOffloaded() {
    return offloaded;
  }

  /** With offload: the rows that steps leave in device memory. */
  @Nullable
  DeferredRows deferred() {
    return deferred;
  }

  /** Device address of what appending to a step's rows needs to know, {@code [slots] i32}, or 0 without offload. */
  long saved() {
    return deferred == null ? 0 : deferred.saved().address();
  }

  /**
   * Prefill with offload: the rows of the layer at hand, as slabs in device memory.
   *
   * @throws IllegalStateException if K and V are in device memory anyway
   */
  KvOffload offload() {
    tables.requireOpen("used");
    if (!offloaded) {
      throw new IllegalStateException("K and V are in device memory; nothing is offloaded");
    }
    if (offload == null) {
      offload = new KvOffload(kernels, this);
    }
    return offload;
  }

  /**
   * The slabs that have all keys of a layer, for a kernel that reads many: with offload where prefill has them in
   * device memory, if it does, else 0, and the kernel finds them by {@link #args}. Not inside a recorded step.
   *
   * @param to end of the positions that are read, exclusive
   * @return device address of the addresses of the slabs, or 0
   */
  long nearKeys(int layer, int slot, int to) {
    KvOffload.Segment near = near(layer, slot, to);
    return near == null ? 0 : near.keys();
  }

  /** The same for values. */
  long nearValues(int layer, int slot, int to) {
    KvOffload.Segment near = near(layer, slot, to);
    return near == null ? 0 : near.values();
  }

  private KvOffload.@Nullable Segment near(int layer, int slot, int to) {
    if (!offloaded) {
      return null;
    }
    KvOffload.Segment near = offload().held(layer, slot, to);
    if (near == null) {
      offload().await();
    }
    return near;
  }

  /** The slab of a sequence: an address that kernels and copies can use. */
  long slab(int layer, int slot, boolean values, int slab) {
    return slabs.address(layer, slot, values, slab);
  }

  /** Device address of the slab addresses of one layer of a sequence, {@code [2][MAX_SLABS] u64}. */
  long slabTable(int layer, int slot) {
    return slabs.table(layer, slot);
  }

  @Override
  public KvShape shape() {
    return shape;
  }

  @Override
  public int slots() {
    return slots.count();
  }

  @Override
  public int open() {
    tables.requireOpen("used");
    int slot = slots.open();
    slabs.open(slot);
    setZones(slot, TokenZones.dense(0));
    return slot;
  }

  @Override
  public void release(int slot) {
    slabs.requireOpen(slot);
    slots.release(slot);
    if (rowCache != null) {
      rowCache.release(slot);
    }
    Failures failures = new Failures();
    failures.attempt(() -> slabs.close(slot));
    if (slabs.noneOpen()) {
      failures.attempt(this::closeOffload); // as much as the longest sequence so far needed
    }
    failures.throwFirst();
  }

  private void closeOffload() {
    if (offload != null) {
      KvOffload closing = offload;
      offload = null;
      closing.close();
    }
  }

  /**
   * Refuses rows that nobody reserved.
   *
   * @throws IllegalArgumentException naming the positions and the room
   */
  void requireRoom(int slot, int start, int rows) {
    if (start < 0 || (long) start + rows > capacity(slot)) {
      throw new IllegalArgumentException("positions " + start + " to " + ((long) start + rows - 1)
          + " are written where " + capacity(slot) + " tokens have room; reserve first");
    }
  }

  /**
   * {@inheritDoc} What is there already costs nothing.
   *
   * @throws InputException if the tables have no place for so many tokens
   */
  @Override
  public void reserve(int slot, int tokens) {
    if (tokens > MAX_SLABS << TokenSlabs.SLAB_SHIFT) {
      throw new InputException("a context of " + tokens + " tokens is longer than the "
          + (MAX_SLABS << TokenSlabs.SLAB_SHIFT)
          + " that backend cuda can hold; lower --context");
    }
    slabs.reserve(slot, tokens);
  }

  @Override
  public int capacity(int slot) {
    return slabs.capacity(slot);
  }

  @Override
  public Buffer zones() {
    return zones;
  }

  /** {@inheritDoc} Later work also waits for rows that are on their way to the host. */
  @Override
  public void setZones(int slot, TokenZones value) {
    slabs.requireOpen(slot);
    kernels.context().requireNotRecording("set zones");
    if (offload != null) {
      offload.setLength(slot, value.length());
    }
    if (rowCache != null) {
      rowCache.setZones(slot, value);
    }
    if (deferred != null && slabs.capacity(slot) > 0) {
      deferred.bring(slot, value.length());
    }
    if (offloaded && value.length() < slabs.reserved(slot) && slabs.reserved(slot) > RING_ROWS) {
      refill(slot, value.length());
    }
    kernels.ring().upload(
        MemorySegment.ofArray(new int[]{value.sinkEnd(), value.recentStart(), value.length()}),
        zones.address() + (long) slot * ZONE_FIELDS * Integer.BYTES);
  }

  /** The sequence may get shorter, by how much only the device knows; see kv_refill.cu. */
  private void refill(int slot, int length) {
    KernelLaunch launch = kernels.launch()
        .grid(REFILL_BLOCKS, 2 * shape.layers() * shape.kvHeads()).block(REFILL_BLOCK);
    args(launch, 0).arg(slot).arg(length).arg(shape.kvHeads())
        .arg(shape.headDim() * shape.dtype().bytes()).run(refill);
  }

  @Override
  public void copy(int source, int target, int from, int to) {
    requireRoom(source, from, to - from);
    requireRoom(target, from, to - from);
    kernels.context().requireNotRecording("copy K and V");
    if (offload != null) {
      offload.await(); // rows may be on their way to the host
    }
    KernelLaunch launch = kernels.launch()
        .grid(COPY_BLOCKS, shape.layers() * shape.kvHeads()).block(COPY_BLOCK);
    args(launch, 0).arg(source).arg(target).arg(from).arg(to).arg(shape.kvHeads())
        .arg(shape.headDim() * shape.dtype().bytes()).run(copy);
  }

  @Override
  public void read(int layer, int slot, int from, int tokens, MemorySegment k, MemorySegment v) {
    kernels.context().requireNotRecording("read K and V");
    if (offload != null) {
      offload.await();
    }
    if (deferred != null) {
      deferred.bring(slot);
    }
    StoredRows rows = new StoredRows(kernels, shape);
    for (int done = 0; done < tokens;) {
      int position = from + done;
      int count = Math.min(tokens - done,
          TokenSlabs.SLAB_TOKENS - position % TokenSlabs.SLAB_TOKENS);
      long slab = slab(layer, slot, false, position >> TokenSlabs.SLAB_SHIFT);
      rows.read(slab, position % TokenSlabs.SLAB_TOKENS, count, done, k, v);
      done += count;
    }
  }

  @Override
  public long bytes() {
    return deviceBytes() + pinnedBytes();
  }

  /** Bytes in device memory: tables, and slabs; or resident copies and the rows of layers in prefill. */
  long deviceBytes() {
    return tables.allocatedBytes() + slabs.deviceBytes() + (offload == null ? 0 : offload.bytes())
        + (rowCache == null ? 0 : rowCache.bytes());
  }

  @Override
  public RowFetches fetches(int slot) {
    slabs.requireOpen(slot);
    return rowCache == null ? RowFetches.NONE : rowCache.fetches(slot);
  }

  @Override
  public int cachedRows() {
    return rowCache == null ? 0 : rowCache.rows();
  }

  @Override
  public int residentRows() {
    return offloaded ? RESIDENT_ROWS : Integer.MAX_VALUE;
  }

  /** Bytes in pinned host memory: with offload the slabs. */
  @Override
  public long pinnedBytes() {
    return slabs.pinnedBytes();
  }

  @Override
  public void close() {
    Failures failures = new Failures();
    failures.attempt(this::closeOffload);
    for (int slot = 0; slot < slots.count(); slot++) {
      int open = slot;
      if (slabs.isOpen(slot)) {
        failures.attempt(() -> release(open));
      }
    }
    failures.attempt(tables::close);
    failures.throwFirst();
  }
}
