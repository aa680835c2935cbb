package io.pariskv.backend.host;

import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.HostAllocator;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Rows about keys in host memory: for each slot and layer slabs of {@code [kvHeads][rows of a slab][width]}. */
public final class HostZoneTable implements ZoneTable {
  private final KvShape shape;
  private final Layout layout;
  private final @Nullable Rows[] sequences;

  /** One slot's rows, the slabs of each layer, and their owner. */
  private record Rows(HostAllocator memory, List<List<Buffer>> layers) {
  }

  /** An empty table. */
  public HostZoneTable(KvShape shape, int slots, DType dtype, int width, int tokensPerRow) {
    this.shape = shape;
    this.layout = new Layout(shape, dtype, width, tokensPerRow);
    this.sequences = new @Nullable Rows[slots];
  }

  /**
   * The host table behind {@code table}.
   *
   * @throws IllegalArgumentException if another kind of backend made it
   */
  public static HostZoneTable of(ZoneTable table) {
    if (table instanceof HostZoneTable host) {
      return host;
    }
    throw new IllegalArgumentException("a CPU stage cannot read a "
        + table.getClass().getSimpleName()
        + "; create the table with the backend that runs the stages");
  }

  @Override
  public Layout layout() {
    return layout;
  }

  @Override
  public void reserve(int slot, int tokens) {
    Rows rows = sequences[slot];
    if (rows == null) {
      rows = new Rows(new HostAllocator(), new ArrayList<>());
      for (int layer = 0; layer < shape.layers(); layer++) {
        rows.layers.add(new ArrayList<>());
      }
      sequences[slot] = rows;
    }
    for (int layer = 0; layer < shape.layers(); layer++) {
      List<Buffer> slabs = rows.layers.get(layer);
      while (shape.window(layer) == 0 && slabs.size() < TokenSlabs.slabs(tokens)) {
        slabs.add(rows.memory.allocate(layout.dtype(), shape.kvHeads(), layout.rowsPerSlab(),
            layout.width()));
      }
    }
  }

  @Override
  public void release(int slot) {
    Rows rows = sequences[slot];
    if (rows != null) {
      rows.memory.close();
      sequences[slot] = null;
    }
  }

  @Override
  public int capacity(int slot) {
    Rows rows = sequences[slot];
    return rows == null
        ? 0
        : rows.layers.stream().mapToInt(List::size).max().orElse(0) << TokenSlabs.SLAB_SHIFT;
  }

  /** Row {@code row}, {@code width} contiguous numbers. */
  public MemorySegment row(int layer, int slot, int kvHead, int row) {
    Rows rows = sequences[slot];
    if (rows == null) {
      throw new IllegalStateException("nothing is kept of slot " + slot + "; reserve first");
    }
    return rows.layers.get(layer).get(row / layout.rowsPerSlab()).segment()
        .asSlice(layout.rowAt(kvHead, row), layout.rowBytes());
  }

  @Override
  public MemorySegment read(int layer, int slot, int kvHead, int row) {
    MemorySegment from = row(layer, slot, kvHead, row);
    return MemorySegment.ofArray(new byte[(int) from.byteSize()]).copyFrom(from);
  }

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
    for (int slot = 0; slot < sequences.length; slot++) {
      release(slot);
    }
  }
}
