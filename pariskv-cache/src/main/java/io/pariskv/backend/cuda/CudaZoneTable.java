package io.pariskv.backend.cuda;

import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Rows about keys in device memory: for each slot and layer slabs of {@code [kvHeads][rows of a slab][width]}.
 *
 * <p>Kernels find slabs through a table of addresses {@code [slots][layers][MAX_SLABS] u64} that is there from the
 * start and never moves, as slabs do not: a recorded step stays valid while sequences grow, and while others come and
 * go. Nothing may change inside a recorded step.
 */
final class CudaZoneTable implements ZoneTable {
  private static final int MAX_KEYS = CudaKvStore.MAX_SLABS * TokenSlabs.SLAB_TOKENS;

  private final Kernels kernels;
  private final KvShape shape;
  private final DType dtype;
  private final int width;
  private final int tokensPerRow;
  private final int rowsPerSlab;
  private final DeviceAllocator tables;
  private final Buffer table;
  private final @Nullable Rows[] sequences;

  /**
   * One slot's rows and their owner.
   *
   * @param slabs for each slab of tokens its address in each layer, 0 in one with a sliding window
   */
  private record Rows(DeviceAllocator memory, List<long[]> slabs) {
  }

  /** An empty table. */
  CudaZoneTable(Kernels kernels, KvShape shape, int slots, DType dtype, int width,
      int tokensPerRow) {
    this.kernels = kernels;
    this.shape = shape;
    this.dtype = dtype;
    this.width = width;
    this.tokensPerRow = tokensPerRow;
    this.rowsPerSlab = ZoneTable.rowsPerSlab(tokensPerRow);
    this.sequences = new @Nullable Rows[slots];
    this.tables = new DeviceAllocator(kernels.stream());
    try {
      table = tables.allocate(DType.I64, slots, shape.layers(), CudaKvStore.MAX_SLABS);
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, tables::close);
      throw e;
    }
  }

  /**
   * The table behind {@code table}.
   *
   * @throws IllegalArgumentException if another kind of backend made it
   */
  static CudaZoneTable of(ZoneTable table) {
    if (table instanceof CudaZoneTable cuda) {
      return cuda;
    }
    throw new IllegalArgumentException("a CUDA stage cannot read a "
        + table.getClass().getSimpleName()
        + "; create the table with the backend that runs the stages");
  }

  /** Device address of the addresses of the slabs, {@code [slots][layers][MAX_SLABS] u64}. */
  long addresses() {
    return table.address();
  }

  /**
   * Refuses a layer that has no rows.
   *
   * @throws IllegalArgumentException if it has a sliding window
   */
  void requireRows(int layer) {
    if (shape.window(layer) != 0) {
      throw new IllegalArgumentException("layer " + layer + " has a sliding window of "
          + shape.window(layer) + " tokens: nothing is kept of its keys");
    }
  }

  @Override
  public KvShape shape() {
    return shape;
  }

  @Override
  public DType dtype() {
    return dtype;
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public int tokensPerRow() {
    return tokensPerRow;
  }

  @Override
  public void reserve(int slot, int tokens) {
    if (tokens > MAX_KEYS) {
      throw new IllegalArgumentException("cannot keep rows of " + tokens + " keys of slot " + slot
          + ": " + MAX_KEYS + " fit; lower --context");
    }
    Rows rows = sequences[slot];
    if (rows != null && tokens <= capacity(slot)) {
      return;
    }
    kernels.context().requireNotRecording("reserve rows about keys");
    if (rows != null) {
      grow(slot, rows, tokens);
      return;
    }
    DeviceAllocator memory = new DeviceAllocator(kernels.stream());
    try {
      Rows opened = new Rows(memory, new ArrayList<>());
      grow(slot, opened, tokens);
      sequences[slot] = opened;
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, memory::close);
      throw e;
    }
  }

  /** Adds slabs, of all layers in one piece of memory: it is had or it is not. */
  private void grow(int slot, Rows rows, int tokens) {
    int first = rows.slabs.size();
    int added = Math.toIntExact(TokenSlabs.slabs(tokens)) - first;
    int kept = (int) shape.windows().stream().filter(window -> window == 0).count();
    long slabBytes = ZoneTable.slabBytes(shape, dtype, width, tokensPerRow);
    long address = rows.memory.allocate(DType.U8, added, kept, slabBytes).address();
    long[][] slabs = new long[added][shape.layers()];
    for (long[] slab : slabs) {
      for (int layer = 0; layer < slab.length; layer++) {
        if (shape.window(layer) == 0) {
          slab[layer] = address;
          address += slabBytes;
        }
      }
    }
    for (int layer = 0; layer < shape.layers() && added > 0; layer++) {
      int column = layer;
      long at = ((long) slot * shape.layers() + layer) * CudaKvStore.MAX_SLABS + first;
      kernels.ring().upload(
          MemorySegment.ofArray(Arrays.stream(slabs).mapToLong(slab -> slab[column]).toArray()),
          table.address() + Long.BYTES * at);
    }
    rows.slabs.addAll(List.of(slabs));
  }

  /** {@inheritDoc} Waits for the GPU. */
  @Override
  public void release(int slot) {
    Rows rows = sequences[slot];
    if (rows != null) {
      kernels.context().requireNotRecording("release rows about keys");
      sequences[slot] = null;
      rows.memory.close();
    }
  }

  @Override
  public int capacity(int slot) {
    Rows rows = sequences[slot];
    return rows == null ? 0 : rows.slabs.size() << TokenSlabs.SLAB_SHIFT;
  }

  /** Device address of a row, {@code width} contiguous numbers. */
  long rowAddress(int layer, int slot, int kvHead, int row) {
    requireRows(layer);
    Rows rows = sequences[slot];
    if (rows == null) {
      throw new IllegalStateException("nothing is kept of slot " + slot + "; reserve first");
    }
    long number = (long) Objects.checkIndex(kvHead, shape.kvHeads()) * rowsPerSlab
        + row % rowsPerSlab;
    return rows.slabs.get(row / rowsPerSlab)[layer] + number * width * dtype.bytes();
  }

  @Override
  public MemorySegment read(int layer, int slot, int kvHead, int row) {
    kernels.context().requireNotRecording("read a row");
    long address = rowAddress(layer, slot, kvHead, row);
    MemorySegment target = MemorySegment.ofArray(new byte[width * dtype.bytes()]);
    kernels.ring().download(address, target);
    return target;
  }

  /** {@inheritDoc} The table of addresses, 16 KiB a slot and layer, is not counted: it is the same for every context. */
  @Override
  public long bytes() {
    long bytes = 0;
    for (Rows rows : sequences) {
      bytes += rows == null ? 0 : rows.memory.allocatedBytes();
    }
    return bytes;
  }

  @Override
  public void close() {
    Failures failures = new Failures();
    for (int slot = 0; slot < sequences.length; slot++) {
      Rows rows = sequences[slot];
      if (rows != null) {
        sequences[slot] = null;
        failures.attempt(rows.memory::close);
      }
    }
    failures.attempt(tables::close);
    failures.throwFirst();
  }
}
