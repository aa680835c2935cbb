package io.pariskv.backend.cuda;

import static io.pariskv.memory.TokenSlabs.SLAB_SHIFT;
import static io.pariskv.memory.TokenSlabs.SLAB_TOKENS;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Device memory for K and V of one layer of one sequence during prefill, which layers use in turn: which rows
 * it has, the table that kernels find its slabs by, and the events of the two streams that copy.
 *
 * <p>Has rows from the first of a slab on, without a gap. It only grows, slab by slab, and what it has stays
 * where it is. One driving thread.
 */
final class LayerRows implements AutoCloseable {
  private final Kernels kernels;
  private final KvShape shape;
  private final CudaEvent filled;
  private final CudaEvent saved;
  private @Nullable DeviceAllocator memory;
  /** {@code [2][MAX_SLABS]} addresses of first rows: of K, of V. */
  private @Nullable Buffer table;
  /** Addresses of slabs {@code [kvHeads][SLAB_TOKENS][2][headDim]}: each K row, then its V row. */
  private long[] slabs = {};
  private int layer = -1;
  private int slot = -1;
  private int firstSlab;
  private int to;

  LayerRows(Kernels kernels, KvShape shape) {
    this.kernels = kernels;
    this.shape = shape;
    this.filled = CudaEvent.open(kernels.context());
    this.saved = CudaEvent.open(kernels.context());
  }

  /** Bytes of the rows of K, or of V, of one slab. */
  static long slabBytes(KvShape shape) {
    return TokenSlabs.slabBytes(shape.dtype(), shape.kvHeads(), shape.headDim());
  }

  /** Bytes that {@code slabs} slabs of K and V and their table take. */
  static long bytes(KvShape shape, long slabs) {
    return 2 * slabs * slabBytes(shape) + 2L * CudaKvStore.MAX_SLABS * Long.BYTES;
  }

  /** Reached when all that it has from the host is there. */
  CudaEvent filled() {
    return filled;
  }

  /** Reached when the host has all that kernels wrote here. */
  CudaEvent saved() {
    return saved;
  }

  /** Whether it has rows of that layer and sequence, from the slab of position {@code from} on. */
  boolean isOf(int ofLayer, int ofSlot, int from) {
    return layer == ofLayer && slot == ofSlot && firstSlab == from >> SLAB_SHIFT;
  }

  /** From here on it is for that layer and sequence, and has no rows. */
  void assign(int ofLayer, int ofSlot, int from) {
    layer = ofLayer;
    slot = ofSlot;
    firstSlab = from >> SLAB_SHIFT;
    to = firstSlab << SLAB_SHIFT;
  }

  /** The first position that it does not have; all from its first slab to there it has. */
  int to() {
    return to;
  }

  /** It has rows up to {@code end - 1}, or will have in the order of a stream. */
  void has(int end) {
    to = end;
  }

  /** Rows of the sequence from position {@code length} on are written anew, by whomever. */
  void cut(int ofSlot, int length) {
    if (slot == ofSlot) {
      to = Math.max(Math.min(to, length), firstSlab << SLAB_SHIFT);
    }
  }

  /**
   * Makes room for rows up to {@code end - 1}. New memory is cleared in the order of the backend's stream.
   *
   * @throws OutOfMemoryError if the device has not enough; the room is then as before
   */
  void reserve(int end) {
    int count = (int) TokenSlabs.slabs(end) - firstSlab;
    int before = slabs.length;
    if (count <= before) {
      return;
    }
    if (memory == null) {
      memory = new DeviceAllocator(kernels.stream());
    }
    if (table == null) {
      table = memory.allocate(DType.I64, 2, CudaKvStore.MAX_SLABS);
    }
    long address = memory.allocate(shape.dtype(), count - before, shape.kvHeads(), SLAB_TOKENS, 2,
        shape.headDim()).address();
    long[] more = Arrays.copyOf(slabs, count);
    for (int i = before; i < count; i++) {
      more[i] = address + 2L * (i - before) * slabBytes(shape);
    }
    long[] keys = Arrays.copyOfRange(more, before, count);
    int rowBytes = shape.headDim() * shape.dtype().bytes();
    long[] values = Arrays.stream(keys).map(key -> key + rowBytes).toArray();
    upload(keys, table.slice(0, 1).address() + (long) before * Long.BYTES);
    upload(values, table.slice(1, 2).address() + (long) before * Long.BYTES);
    slabs = more;
  }

  private void upload(long[] addresses, long target) {
    kernels.ring().upload(MemorySegment.ofArray(addresses), target);
  }

  /** Device address of a slab of the sequence, {@code [kvHeads][SLAB_TOKENS][2][headDim]}: each K row, then its V row. */
  long address(int slab) {
    return slabs[slab - firstSlab];
  }

  /** All of it, as kernels take it. */
  KvOffload.Segment segment() {
    if (table == null) {
      throw new IllegalStateException("no room was made for rows");
    }
    return new KvOffload.Segment(table.slice(0, 1).address(), table.slice(1, 2).address(),
        firstSlab);
  }

  /** Bytes held now. */
  long bytes() {
    return memory == null ? 0 : memory.allocatedBytes();
  }

  @Override
  public void close() {
    Failures failures = new Failures();
    if (memory != null) {
      failures.attempt(memory::close);
    }
    failures.attempt(filled::close);
    failures.attempt(saved::close);
    failures.throwFirst();
  }
}
