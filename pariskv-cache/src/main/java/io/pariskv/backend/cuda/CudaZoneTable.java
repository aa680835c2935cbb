package io.pariskv.backend.cuda;

import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Rows about keys in device memory: for each slot and layer slabs of {@code [kvHeads][rows of a slab][width]}.
 *
 * <p>Kernels find slabs through a table of addresses {@code [slots][layers][MAX_SLABS] u64} that is there from the
 * start and never moves, as slabs do not: a recorded step stays valid while sequences grow, and while others come and
 * go. Nothing may change inside a recorded step.
 */
final class CudaZoneTable implements ZoneTable {
  private final Kernels kernels;
  private final KvShape shape;
  private final Layout layout;
  private final DeviceAllocator tables;
  private final Buffer table;
  private final @Nullable Rows[] sequences;

  /** One slot's rows and their owner. */
  private record Rows(DeviceAllocator memory, LayerSlabs slabs) {
  }

  /** An empty table. */
  CudaZoneTable(Kernels kernels, KvShape shape, int slots, DType dtype, int width,
      int tokensPerRow) {
    this.kernels = kernels;
    this.shape = shape;
    this.layout = new Layout(shape, dtype, width, tokensPerRow);
    this.sequences = new @Nullable Rows[slots];
    this.tables = new DeviceAllocator(kernels.stream());
    try {
      table = LayerSlabs.newTable(tables, slots, shape);
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
  public Layout layout() {
    return layout;
  }

  @Override
  public void reserve(int slot, int tokens) {
    if (tokens > LayerSlabs.MAX_KEYS) {
      throw new IllegalArgumentException("cannot keep rows of " + tokens + " keys of slot " + slot
          + ": " + LayerSlabs.MAX_KEYS + " fit; lower --context");
    }
    Rows rows = sequences[slot];
    if (rows != null && tokens <= capacity(slot)) {
      return;
    }
    kernels.context().requireNotRecording("reserve rows about keys");
    if (rows != null) {
      rows.slabs.grow(slot, tokens);
      return;
    }
    DeviceAllocator memory = new DeviceAllocator(kernels.stream());
    try {
      LayerSlabs slabs = new LayerSlabs(kernels, shape, memory,
          layout.slabBytes(), List.of(new LayerSlabs.Part(table, 0)));
      slabs.grow(slot, tokens);
      sequences[slot] = new Rows(memory, slabs);
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, memory::close);
      throw e;
    }
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
    return rows == null ? 0 : rows.slabs.capacity();
  }

  /** Device address of a row, {@code width} contiguous numbers. */
  long rowAddress(int layer, int slot, int kvHead, int row) {
    requireRows(layer);
    Rows rows = sequences[slot];
    if (rows == null) {
      throw new IllegalStateException("nothing is kept of slot " + slot + "; reserve first");
    }
    return rows.slabs.address(layer, row / layout.rowsPerSlab()) + layout.rowAt(kvHead, row);
  }

  @Override
  public MemorySegment read(int layer, int slot, int kvHead, int row) {
    kernels.context().requireNotRecording("read a row");
    long address = rowAddress(layer, slot, kvHead, row);
    MemorySegment target = MemorySegment.ofArray(new byte[layout.rowBytes()]);
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
