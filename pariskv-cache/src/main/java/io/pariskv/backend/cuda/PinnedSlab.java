package io.pariskv.backend.cuda;

import java.lang.foreign.MemorySegment;

/**
 * Page-locked host memory that the GPU sees at the address the host uses.
 *
 * @param memory all of it
 */
record PinnedSlab(HostPages pages, MemorySegment memory) {
  private static final int PORTABLE = 1;
  private static final int DEVICEMAP = 2;

  /**
   * Maps and registers. Whatever fails, nothing is left behind.
   *
   * @throws OutOfMemoryError if the system has no such range
   * @throws CudaException if registration is refused
   * @throws IllegalStateException if the GPU sees it at another address
   */
  static PinnedSlab pin(CudaContext context, HostPages pages, long bytes) {
    MemorySegment memory = pages.map(bytes); // may change the thread that a virtual one runs on
    CudaDriver driver;
    try {
      driver = context.driverOnAnyThread();
      driver.cuMemHostRegister(memory, bytes, PORTABLE | DEVICEMAP);
    } catch (RuntimeException e) {
      Failures.suppressing(e, () -> pages.unmap(memory));
      throw e;
    }
    PinnedSlab slab = new PinnedSlab(pages, memory);
    try {
      slab.requireSameAddress(driver);
    } catch (CudaException | IllegalStateException e) {
      Failures.suppressing(e, () -> slab.release(driver));
      throw e;
    }
    return slab;
  }

  private void requireSameAddress(CudaDriver driver) {
    long seen = driver.cuMemHostGetDevicePointer(memory, 0);
    if (seen != memory.address()) {
      throw new IllegalStateException("the GPU sees pinned memory of address 0x"
          + Long.toHexString(memory.address()) + " at 0x" + Long.toHexString(seen)
          + ", but kernels need one address for both; use --offload off");
    }
  }

  /** Unregisters and unmaps; the second also if the first fails. */
  void release(CudaDriver driver) {
    Failures failures = new Failures();
    failures.attempt(() -> Recordings.apart(() -> driver.cuMemHostUnregister(memory)));
    failures.attempt(() -> pages.unmap(memory));
    failures.throwFirst();
  }
}
