package io.pariskv.backend.cuda;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What is kept in device memory about the keys of one sequence: a slab for every {@link TokenSlabs#SLAB_TOKENS} of
 * them in every layer that has no sliding window. Slabs never move; kernels find them by tables of addresses.
 */
final class LayerSlabs {
  /** Keys that there is place for in the tables. */
  static final int MAX_KEYS = CudaKvStore.MAX_SLABS * TokenSlabs.SLAB_TOKENS;

  /**
   * A part of every slab that kernels look up.
   *
   * @param table its addresses, {@code [slots][layers][MAX_SLABS] u64}
   * @param offset bytes from the begin of a slab
   */
  record Part(Buffer table, long offset) {
  }

  private final Kernels kernels;
  private final KvShape shape;
  private final DeviceAllocator memory;
  private final long slabBytes;
  private final List<Part> parts;
  /** For each slab of tokens its address in each layer, 0 in one with a sliding window. */
  private final List<long[]> slabs = new ArrayList<>();

  /** None yet; they will be in {@code memory}. */
  LayerSlabs(Kernels kernels, KvShape shape, DeviceAllocator memory, long slabBytes,
      List<Part> parts) {
    this.kernels = kernels;
    this.shape = shape;
    this.memory = memory;
    this.slabBytes = slabBytes;
    this.parts = parts;
  }

  /** An empty table of addresses. */
  static Buffer newTable(DeviceAllocator memory, int slots, KvShape shape) {
    return memory.allocate(DType.I64, slots, shape.layers(), CudaKvStore.MAX_SLABS);
  }

  /** Makes room for {@code tokens} keys of {@code slot}, of all layers in one piece of memory: it is had or it is not. */
  void grow(int slot, int tokens) {
    int added = Math.toIntExact(TokenSlabs.slabs(tokens)) - slabs.size();
    if (added <= 0) {
      return;
    }
    int layers = (int) shape.windows().stream().filter(window -> window == 0).count();
    long address = memory.allocate(DType.U8, added, layers, slabBytes).address();
    long[][] more = new long[added][shape.layers()];
    for (long[] slab : more) {
      for (int layer = 0; layer < slab.length; layer++) {
        if (shape.window(layer) == 0) {
          slab[layer] = address;
          address += slabBytes;
        }
      }
    }
    for (int layer = 0; layer < shape.layers(); layer++) {
      if (shape.window(layer) == 0) {
        publish(slot, layer, more);
      }
    }
    slabs.addAll(List.of(more));
  }

  /** Shows kernels where new slabs are. */
  private void publish(int slot, int layer, long[][] more) {
    long at = ((long) slot * shape.layers() + layer) * CudaKvStore.MAX_SLABS + slabs.size();
    for (Part part : parts) {
      long[] addresses = Arrays.stream(more).mapToLong(slab -> slab[layer] + part.offset)
          .toArray();
      kernels.ring().upload(MemorySegment.ofArray(addresses),
          part.table.address() + Long.BYTES * at);
    }
  }

  /** Keys that there is room for. */
  int capacity() {
    return slabs.size() << TokenSlabs.SLAB_SHIFT;
  }

  /** Device address of a slab, 0 in a layer with a sliding window. */
  long address(int layer, int slab) {
    return slabs.get(slab)[layer];
  }
}
