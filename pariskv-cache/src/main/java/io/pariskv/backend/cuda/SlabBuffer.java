package io.pariskv.backend.cuda;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Device memory for a few slabs of K and V of one layer of a sequence, with the table of their addresses
 * that kernels read, and the two events of its use in turn: one stream fills it, another empties it.
 *
 * <p>It only grows, and then waits for the GPU and forgets what it held. One driving thread.
 */
final class SlabBuffer implements AutoCloseable {
  private final Kernels kernels;
  private final KvShape shape;
  private final CudaEvent filled;
  private final CudaEvent emptied;
  private @Nullable DeviceAllocator memory;
  private long keys;
  private long values;
  private long table;
  private int slabs;

  SlabBuffer(Kernels kernels, KvShape shape) {
    this.kernels = kernels;
    this.shape = shape;
    this.filled = CudaEvent.open(kernels.context());
    this.emptied = CudaEvent.open(kernels.context());
  }

  /** Bytes of one slab of K or of V. */
  static long slabBytes(KvShape shape) {
    return TokenSlabs.slabBytes(shape.dtype(), shape.kvHeads(), shape.headDim());
  }

  /** Bytes that {@code slabs} slabs of K and V and their table take. */
  static long bytes(KvShape shape, int slabs) {
    return 2L * slabs * (slabBytes(shape) + Long.BYTES);
  }

  /** Reached when it was filled. */
  CudaEvent filled() {
    return filled;
  }

  /** Reached when what it was filled with is no longer needed. */
  CudaEvent emptied() {
    return emptied;
  }

  /**
   * Makes room. New memory is cleared in the order of the backend's stream.
   *
   * @throws OutOfMemoryError if the device has not enough; there is no room then
   */
  void reserve(int count) {
    if (count <= slabs) {
      return;
    }
    free();
    memory = new DeviceAllocator(kernels.stream());
    keys = allocate(memory, count);
    values = allocate(memory, count);
    Buffer addresses = memory.allocate(DType.I64, 2, count);
    table = addresses.address();
    slabs = count;
    long[] entries = new long[2 * count];
    for (int i = 0; i < count; i++) {
      entries[i] = address(false, i);
      entries[count + i] = address(true, i);
    }
    kernels.ring().upload(MemorySegment.ofArray(entries), table);
  }

  private long allocate(DeviceAllocator allocator, int count) {
    return allocator.allocate(shape.dtype(), count, shape.kvHeads(), TokenSlabs.SLAB_TOKENS,
        shape.headDim()).address();
  }

  /** Device address of slab {@code i}; slabs of one kind follow each other. */
  long address(boolean ofValues, int i) {
    return (ofValues ? values : keys) + i * slabBytes(shape);
  }

  /** Slabs {@code from} to {@code from + count - 1}, as {@code firstSlab} and following of the sequence. */
  KvOffload.Segment segment(int from, int firstSlab, int count) {
    long first = table + (long) Long.BYTES * from;
    return new KvOffload.Segment(first, first + (long) Long.BYTES * slabs, firstSlab, count);
  }

  /** Bytes held now. */
  long bytes() {
    return memory == null ? 0 : memory.allocatedBytes();
  }

  private void free() {
    slabs = 0;
    if (memory != null) {
      memory.close();
      memory = null;
    }
  }

  @Override
  public void close() {
    Failures failures = new Failures();
    failures.attempt(this::free);
    failures.attempt(filled::close);
    failures.attempt(emptied::close);
    failures.throwFirst();
  }
}
