package io.pariskv.backend.cuda;

import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.memory.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Buffers in page-locked host memory, which the host reads and writes as usual and the GPU at the same
 * address over PCIe. Cut from slabs that double from 64 MiB to 1 GiB, each registered at once: about
 * 0.06 s a GiB.
 *
 * <p>Allocating works on any thread, closing on the driving one: it waits for the GPU, then unregisters
 * and unmaps everything.
 */
final class PinnedAllocator extends CudaResource implements Allocator {
  private static final long SMALLEST_SLAB = 64L << 20;
  private static final long LARGEST_SLAB = 1L << 30;

  private final HostPages pages;
  private final LongSupplier available;
  private final long largestSlab;
  private final Arena arena = Arena.ofShared();
  private final List<PinnedSlab> slabs = new ArrayList<>();
  private long nextSlab;
  private MemorySegment room = MemorySegment.NULL;
  private long bytes;

  PinnedAllocator(CudaContext context) {
    this(context, new HostPages.Linux(), CudaMemory::pinnableBytes, SMALLEST_SLAB, LARGEST_SLAB);
  }

  /** For large buffers: each is registered by itself, in whole huge pages, with nothing kept ready beside it. */
  static PinnedAllocator exact(CudaContext context) {
    return new PinnedAllocator(context, new HostPages.Linux(), CudaMemory::pinnableBytes,
        HostPages.Linux.HUGE_PAGE, HostPages.Linux.HUGE_PAGE);
  }

  /**
   * With sizes of its own.
   *
   * @param available bytes of host memory that can be locked
   * @param smallestSlab bytes of the first slab, whole huge pages
   */
  PinnedAllocator(CudaContext context, HostPages pages, LongSupplier available, long smallestSlab,
      long largestSlab) {
    super(context);
    this.pages = pages;
    this.available = available;
    this.nextSlab = smallestSlab;
    this.largestSlab = largestSlab;
  }

  @Override
  public synchronized Buffer allocate(DType dtype, long... shape) {
    Shape axes = Shape.of(shape);
    long size = Math.multiplyExact(axes.elements(), dtype.bytes());
    String what = "allocate " + axes + " " + dtype + " in pinned host memory";
    if (isClosed()) {
      throw new IllegalStateException("the allocator is closed; cannot " + what);
    }
    MemorySegment segment = reserve(size, what).reinterpret(size, arena, null);
    bytes += size;
    return Buffer.wrap(Buffer.Placement.PINNED, dtype, axes, segment);
  }

  private MemorySegment reserve(long size, String what) {
    long aligned = Math.addExact(size, DeviceAllocator.ALIGNMENT - 1)
        & -DeviceAllocator.ALIGNMENT;
    if (aligned > room.byteSize()) {
      MemorySegment slab = newSlab(Math.max(nextSlab, wholePages(aligned)), what);
      if (slab.byteSize() - aligned < room.byteSize()) {
        return slab; // the older one has more left
      }
      room = slab;
    }
    MemorySegment taken = room;
    room = room.asSlice(aligned);
    return taken;
  }

  private static long wholePages(long size) {
    return Math.addExact(size, HostPages.Linux.HUGE_PAGE - 1) & -HostPages.Linux.HUGE_PAGE;
  }

  private MemorySegment newSlab(long size, String what) {
    long free = available.getAsLong();
    if (size > free) {
      throw new OutOfMemoryError("cannot " + what + ": a slab of " + MemoryPlan.humanBytes(size)
          + " is needed, " + MemoryPlan.humanBytes(free)
          + " of host memory can be pinned; lower --context");
    }
    PinnedSlab slab;
    try {
      slab = PinnedSlab.pin(context(), pages, size);
    } catch (CudaException e) {
      throw refused(e, size, what);
    }
    slabs.add(slab);
    nextSlab = Math.min(Math.max(nextSlab, size) * 2, largestSlab);
    return slab.memory();
  }

  private static OutOfMemoryError refused(CudaException e, long size, String what) {
    CudaException named = e.during("cannot " + what + ": a slab of "
        + MemoryPlan.humanBytes(size) + " cannot be locked");
    if (!e.isRefusalToPin()) {
      throw named;
    }
    OutOfMemoryError error = new OutOfMemoryError(named.getMessage());
    error.initCause(e);
    return error;
  }

  @Override
  public synchronized long allocatedBytes() {
    return bytes;
  }

  /** Bytes locked, the rest of the newest slabs included. */
  synchronized long pinnedBytes() {
    return slabs.stream().mapToLong(slab -> slab.memory().byteSize()).sum();
  }

  @Override
  synchronized void free(CudaDriver driver) {
    Failures failures = new Failures();
    if (!slabs.isEmpty()) {
      failures.attempt(context()::await); // any stream may still read a buffer
    }
    failures.attempt(arena::close); // from here on no thread of this process can touch one
    slabs.forEach(slab -> failures.attempt(() -> slab.release(driver)));
    slabs.clear();
    failures.throwFirst();
  }

  @Override
  public String toString() {
    return "pinned allocator";
  }
}
