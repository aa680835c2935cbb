package io.pariskv.backend.cuda;

import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.KeySummary;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.Shape;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Summaries of keys in device memory; the layout is in {@code key_summaries.cuh}.
 *
 * <p>Kernels find slabs through tables of addresses that are there from the start and never move, as slabs
 * do not: a recorded step stays valid while sequences grow, and while others come and go. A layer with a
 * sliding window is never retrieved from and has no slabs. Nothing may change inside a recorded step.
 */
final class CudaKeyIndex implements KeyIndex {
  private final Kernels kernels;
  private final KvShape shape;
  private final Coarse coarse;
  private final DeviceAllocator tables;
  private final Buffer ids;
  private final Buffer records;
  private final @Nullable Buffer norms; // with scores
  /** Addresses of what there is once a layer: populations, or centres with floors behind them. */
  private final Buffer fixed;
  private final Buffer budgets;
  private final int[][] hostBudgets;
  private final @Nullable Keys[] sequences;

  /**
   * One slot's summaries and their owner.
   *
   * @param fixed {@code [layers]} of populations {@code [kvHeads][subspaces][256] i32}, or of centres
   *     {@code [kvHeads][headDim] f32} and floors {@code [kvHeads] i32}
   * @param slabs ids, behind them records, and behind them norms
   */
  private record Keys(DeviceAllocator memory, Buffer fixed, LayerSlabs slabs) {
  }

  /**
   * An empty index.
   *
   * @throws IllegalArgumentException if the head size is not a power of two from 16 to 256
   */
  CudaKeyIndex(Kernels kernels, KvShape shape, int slots, Coarse coarse) {
    requireHeadDim(shape.headDim());
    this.kernels = kernels;
    this.shape = shape;
    this.coarse = coarse;
    this.hostBudgets = new int[slots][BUDGET_FIELDS];
    this.sequences = new @Nullable Keys[slots];
    this.tables = new DeviceAllocator(kernels.stream());
    try {
      ids = LayerSlabs.newTable(tables, slots, shape);
      records = LayerSlabs.newTable(tables, slots, shape);
      norms = coarse == Coarse.SCORES ? LayerSlabs.newTable(tables, slots, shape) : null;
      fixed = tables.allocate(DType.I64, slots, shape.layers());
      budgets = tables.allocate(DType.I32, slots, BUDGET_FIELDS);
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, tables::close);
      throw e;
    }
  }

  private static void requireHeadDim(int headDim) {
    if (headDim < 16 || headDim > 256 || Integer.bitCount(headDim) != 1) {
      throw new IllegalArgumentException(
          "ParisKV needs a head size that is a power of two from 16 to 256, not " + headDim);
    }
  }

  /**
   * The index behind {@code index}.
   *
   * @throws IllegalArgumentException if another kind of backend made it
   */
  static CudaKeyIndex of(KeyIndex index) {
    if (index instanceof CudaKeyIndex cuda) {
      return cuda;
    }
    throw new IllegalArgumentException("a CUDA stage cannot read a "
        + index.getClass().getSimpleName()
        + "; create the index with the backend that runs the stages");
  }

  /** Device address of the addresses of the id slabs, {@code [slots][layers][MAX_SLABS] u64}. */
  long idTable() {
    return ids.address();
  }

  /** Device address of the addresses of the record slabs, {@code [slots][layers][MAX_SLABS] u64}. */
  long recordTable() {
    return records.address();
  }

  /** Device address of the addresses of the norm slabs, {@code [slots][layers][MAX_SLABS] u64}; with scores only. */
  long normTable() {
    require(Coarse.SCORES);
    return Objects.requireNonNull(norms).address();
  }

  /** Device address of what there is once a layer, populations or centres, {@code [slots][layers] u64}. */
  long fixedTable() {
    return fixed.address();
  }

  /** Device address of the addresses of the populations, {@code [slots][layers] u64}. */
  long populationTable() {
    require(Coarse.TIERS);
    return fixed.address();
  }

  /**
   * Device address of the addresses of the centres, {@code [slots][layers] u64}; the floors are behind each.
   */
  long centreTable() {
    require(Coarse.SCORES);
    return fixed.address();
  }

  /** Host copy of the budget last set, for checks of shapes outside a step. */
  int budget(int slot, int field) {
    return hostBudgets[slot][field];
  }

  /** The fewest candidates of a sequence that has keys, 0 if none has: what the smallest step needs. */
  int fewestCandidates() {
    return Arrays.stream(hostBudgets).filter(budget -> budget[0] > 0)
        .mapToInt(budget -> Math.min(budget[0], budget[1])).min().orElse(0);
  }

  /** Keys that {@code slot} has room for. */
  int capacity(int slot) {
    Keys keys = sequences[slot];
    return keys == null ? 0 : keys.slabs.capacity();
  }

  /**
   * Refuses a layer that has no summaries.
   *
   * @throws IllegalArgumentException if it has a sliding window
   */
  void requireIndexed(int layer) {
    if (shape.window(layer) != 0) {
      throw new IllegalArgumentException("layer " + layer + " has a sliding window of "
          + shape.window(layer) + " tokens: its keys are not indexed");
    }
  }

  @Override
  public KvShape shape() {
    return shape;
  }

  /**
   * {@inheritDoc}
   *
   * @throws OutOfMemoryError if the memory cannot be had; the slot then holds what it held before
   * @throws IllegalArgumentException if the tables have no room for so many
   */
  @Override
  public void reserve(int slot, int tokens) {
    if (tokens > LayerSlabs.MAX_KEYS) {
      throw new IllegalArgumentException("cannot index " + tokens + " keys of slot " + slot + ": "
          + LayerSlabs.MAX_KEYS + " fit; lower --context");
    }
    Keys keys = sequences[slot];
    if (keys != null && tokens <= capacity(slot)) {
      return;
    }
    requireNotRecording("reserve room for keys");
    if (keys != null) {
      keys.slabs.grow(slot, tokens);
      return;
    }
    DeviceAllocator memory = new DeviceAllocator(kernels.stream());
    try {
      sequences[slot] = open(slot, memory, tokens);
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, memory::close);
      throw e;
    }
  }

  private Keys open(int slot, DeviceAllocator memory, int tokens) {
    Keys keys = new Keys(memory, memory.allocate(DType.I32, shape.layers(), fixedOfLayer()),
        new LayerSlabs(kernels, shape, memory, slabBytes(), parts()));
    keys.slabs.grow(slot, tokens);
    long[] addresses = new long[shape.layers()];
    Arrays.setAll(addresses, layer -> view(keys, layer).address());
    kernels.ring().upload(MemorySegment.ofArray(addresses),
        fixed.address() + 8L * slot * shape.layers());
    return keys;
  }

  /** Numbers of 32 bits that there are once a layer. */
  private long fixedOfLayer() {
    return shape.kvHeads() * switch (coarse) {
      case TIERS -> (long) subspaces() * SignCentroids.COUNT;
      case SCORES -> shape.headDim() + 1L;
    };
  }

  /** What kernels look up in a slab. */
  private List<LayerSlabs.Part> parts() {
    List<LayerSlabs.Part> parts = new ArrayList<>();
    parts.add(new LayerSlabs.Part(ids, 0));
    parts.add(new LayerSlabs.Part(records, idBytes()));
    if (norms != null) {
      parts.add(new LayerSlabs.Part(norms, normsAt()));
    }
    return parts;
  }

  /** Bytes of the ids of one slab. */
  private long idBytes() {
    return TokenSlabs.slabBytes(DType.U8, shape.kvHeads(), subspaces());
  }

  /** Bytes of the ids and records of one slab, behind which its norms are. */
  private long normsAt() {
    return idBytes()
        + TokenSlabs.slabBytes(DType.U8, shape.kvHeads(), KeyIndex.recordBytes(shape.headDim()));
  }

  /** Bytes of one slab. */
  private long slabBytes() {
    return TokenSlabs.slabBytes(DType.U8, shape.kvHeads(), bytesPerKey());
  }

  private void requireNotRecording(String what) {
    kernels.context().requireNotRecording(what);
  }

  /** {@inheritDoc} Waits for the GPU. The tables keep the old addresses, which a budget of 0 hides. */
  @Override
  public void release(int slot) {
    setBudget(slot, new int[BUDGET_FIELDS]);
    Keys keys = sequences[slot];
    if (keys != null) {
      requireNotRecording("release the keys of a sequence");
      sequences[slot] = null;
      keys.memory.close();
    }
  }

  @Override
  public Buffer budgets() {
    return budgets;
  }

  @Override
  public void setBudget(int slot, int[] budget) {
    if (budget.length != BUDGET_FIELDS) {
      throw new IllegalArgumentException(
          "a budget has " + BUDGET_FIELDS + " fields, not " + budget.length);
    }
    if (!Arrays.equals(budget, hostBudgets[slot])) {
      requireNotRecording("set a budget");
      kernels.ring().upload(MemorySegment.ofArray(budget),
          budgets.address() + 4L * slot * BUDGET_FIELDS);
      hostBudgets[slot] = budget.clone();
    }
  }

  @Override
  public Coarse coarse() {
    return coarse;
  }

  @Override
  public Buffer populations(int layer, int slot) {
    require(Coarse.TIERS);
    requireIndexed(layer);
    return view(keys(slot), layer).reshape(shape.kvHeads(), subspaces(), SignCentroids.COUNT);
  }

  @Override
  public Buffer centres(int layer, int slot) {
    require(Coarse.SCORES);
    requireIndexed(layer);
    Buffer memory = view(keys(slot), layer);
    Shape centres = Shape.of(shape.kvHeads(), shape.headDim());
    return Buffer.wrap(memory.placement(), DType.F32, centres,
        MemorySegment.ofAddress(memory.address())
            .reinterpret(DType.F32.bytes() * centres.elements()));
  }

  @Override
  public Buffer floors(int layer, int slot) {
    require(Coarse.SCORES);
    requireIndexed(layer);
    return view(keys(slot), layer).slice((long) shape.kvHeads() * shape.headDim(), fixedOfLayer());
  }

  /** What there is once a layer, {@code [numbers] i32}. */
  private Buffer view(Keys keys, int layer) {
    return keys.fixed.slice(layer, layer + 1L).reshape(fixedOfLayer());
  }

  private Keys keys(int slot) {
    Keys keys = sequences[slot];
    if (keys == null) {
      throw new IllegalStateException("no keys of slot " + slot + " are indexed; reserve first");
    }
    return keys;
  }

  @Override
  public KeySummary read(int layer, int slot, int kvHead, int zonePosition) {
    requireIndexed(layer);
    requireNotRecording("read a summary");
    Keys keys = keys(slot);
    Objects.checkIndex(zonePosition, capacity(slot));
    int count = subspaces();
    int recordBytes = KeyIndex.recordBytes(shape.headDim());
    long slab = keys.slabs.address(layer, zonePosition >> TokenSlabs.SLAB_SHIFT);
    long key = ((long) Objects.checkIndex(kvHead, shape.kvHeads()) << TokenSlabs.SLAB_SHIFT)
        + zonePosition % TokenSlabs.SLAB_TOKENS;
    byte[] id = new byte[count];
    MemorySegment record = MemorySegment.ofArray(new byte[recordBytes]);
    kernels.ring().download(slab + key * count, MemorySegment.ofArray(id));
    kernels.ring().download(slab + idBytes() + key * recordBytes, record);
    short[] norm = new short[1];
    if (coarse == Coarse.SCORES) {
      kernels.ring().download(slab + normsAt() + key * Short.BYTES, MemorySegment.ofArray(norm));
    }
    return KeySummary.unpack(id, record, norm[0]);
  }

  /**
   * {@inheritDoc} The tables of addresses, 32 KiB a slot and layer, are not counted: they are the same for
   * every context.
   */
  @Override
  public long bytes() {
    long bytes = budgets.byteSize();
    for (Keys keys : sequences) {
      bytes += keys == null ? 0 : keys.memory.allocatedBytes();
    }
    return bytes;
  }

  @Override
  public void close() {
    Failures failures = new Failures();
    for (int slot = 0; slot < sequences.length; slot++) {
      Keys keys = sequences[slot];
      if (keys != null) {
        sequences[slot] = null;
        failures.attempt(keys.memory::close);
      }
    }
    failures.attempt(tables::close);
    failures.throwFirst();
  }
}
