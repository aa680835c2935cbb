package io.pariskv.backend.cuda;

import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.memory.Shape;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Buffers in device memory. Small ones share blocks of {@link #BLOCK} bytes, so that a step's scratch does
 * not cost a call of the driver a buffer; large ones get memory of their own.
 *
 * <p>Zeros are written in the order of the stream given; another stream must wait for it. Allocating works
 * on any thread, closing on the driving one: it waits for the GPU, then frees everything.
 */
final class DeviceAllocator extends CudaResource implements Allocator {
  /** What kernels may rely on: whole cache lines, and any vector load. */
  static final long ALIGNMENT = 256;

  /** The granularity of the driver. */
  static final long BLOCK = 2 << 20;

  private final CudaStream stream;
  private final List<Long> blocks = new ArrayList<>();
  private long cursor;
  private long end;
  private long bytes;

  DeviceAllocator(CudaStream stream) {
    super(stream.context());
    this.stream = stream;
  }

  @Override
  public synchronized Buffer allocate(DType dtype, long... shape) {
    Shape axes = Shape.of(shape);
    long size = Math.multiplyExact(axes.elements(), dtype.bytes());
    String what = "allocate " + axes + " " + dtype;
    if (isClosed()) {
      throw new IllegalStateException("the allocator is closed; cannot " + what);
    }
    context().requireNotCapturing(what);
    MemorySegment segment = MemorySegment.NULL;
    if (size > 0) {
      CudaDriver driver = context().driverOnAnyThread();
      long address = reserve(driver, size, what);
      context().outsideCapture(what, () -> {
        driver.cuMemsetD8Async(address, (byte) 0, size, stream.handle());
        stream.gaveOther();
      });
      segment = MemorySegment.ofAddress(address).reinterpret(size);
    }
    bytes += size;
    return Buffer.wrap(Buffer.Placement.DEVICE, dtype, axes, segment);
  }

  private long reserve(CudaDriver driver, long size, String what) {
    long aligned = Math.addExact(size, ALIGNMENT - 1) & -ALIGNMENT;
    if (aligned > end - cursor) {
      if (aligned > BLOCK / 4) {
        return newBlock(driver, aligned, what);
      }
      cursor = newBlock(driver, BLOCK, what);
      end = cursor + BLOCK;
    }
    long address = cursor;
    cursor += aligned;
    return address;
  }

  private long newBlock(CudaDriver driver, long size, String what) {
    try {
      long address = driver.cuMemAlloc(size);
      blocks.add(address);
      return address;
    } catch (CudaException e) {
      if (e.code() != CudaException.OUT_OF_MEMORY) {
        throw e.during("cannot " + what);
      }
      throw outOfMemory(driver.cuMemGetInfo(), size, what, e);
    }
  }

  private OutOfMemoryError outOfMemory(CudaDriver.MemoryInfo info, long size, String what,
      CudaException cause) {
    OutOfMemoryError error = new OutOfMemoryError("cannot " + what + " on the GPU: "
        + MemoryPlan.humanBytes(size) + " asked, " + MemoryPlan.humanBytes(info.freeBytes())
        + " free of " + MemoryPlan.humanBytes(info.totalBytes()) + " (" + cause.failure()
        + "); lower --context, or end other programs on this GPU");
    error.initCause(cause);
    return error;
  }

  @Override
  public synchronized long allocatedBytes() {
    return bytes;
  }

  @Override
  synchronized void free(CudaDriver driver) {
    Failures failures = new Failures();
    if (!blocks.isEmpty()) {
      failures.attempt(context()::await); // any stream may still use a buffer
    }
    blocks.forEach(block -> failures.attempt(() -> driver.cuMemFree(block)));
    blocks.clear();
    failures.throwFirst();
  }

  @Override
  public String toString() {
    return "device allocator";
  }
}
