package io.pariskv.backend.cuda;

/** A kernel that can be launched; lives as long as its module. See {@link KernelLaunch}. */
final class CudaFunction {
  // Of CUfunction_attribute.
  private static final int MAX_THREADS_PER_BLOCK = 0;
  private static final int SHARED_SIZE_BYTES = 1;
  private static final int NUM_REGS = 4;
  private static final int PTX_VERSION = 5;
  private static final int MAX_DYNAMIC_SHARED_SIZE_BYTES = 8;

  /**
   * Code made for compute capability 9.0 and newer has the instruction that waits for the kernel before. What the driver
   * compiles for a newer GPU from PTX of an older one has not, so the PTX decides and not the machine code.
   */
  private static final int WAITS_FROM = 90;

  private final CudaModule module;
  private final String name;
  private final long handle;
  private final int parameters;
  /** Bit i is set if parameter i has 8 bytes, clear if it has 4. */
  private final long wide;
  private final boolean waits;
  private final int mostShared;
  private int allowedShared;

  CudaFunction(CudaModule module, String name, long handle, int[] parameterSizes) {
    this.module = module;
    this.name = name;
    this.handle = handle;
    this.parameters = parameterSizes.length;
    this.wide = wide(name, parameterSizes);
    this.mostShared = module.context().device().sharedBytes()
        - module.driver().cuFuncGetAttribute(SHARED_SIZE_BYTES, handle);
    this.waits = module.driver().cuFuncGetAttribute(PTX_VERSION, handle) >= WAITS_FROM;
  }

  private static long wide(String name, int[] sizes) {
    long bits = 0;
    for (int i = 0; i < sizes.length; i++) {
      if (sizes[i] != 4 && sizes[i] != 8) {
        throw new IllegalArgumentException("parameter " + i + " of kernel " + name + " has "
            + sizes[i] + " bytes; pass pointers, 32-bit and 64-bit numbers");
      }
      bits |= (sizes[i] == 8 ? 1L : 0) << i;
    }
    return bits;
  }

  /** The name of the entry. */
  String name() {
    return name;
  }

  /** The driver's handle. */
  long handle() {
    module.requireOpen("used by kernel " + name);
    return handle;
  }

  /**
   * Whether the code that was loaded can wait for the kernel before it, if its source says so. Code for older
   * GPUs, and what the driver compiled from their PTX, cannot.
   */
  boolean waits() {
    return waits;
  }

  /**
   * Permits launches with up to {@code bytes} of dynamic shared memory; needed from 48 KiB on. Once, when
   * a stage is made. What was permitted before stays so: others launch the kernel too.
   *
   * @return this
   * @throws CudaException if a block cannot have so much, see {@link #mostShared}
   */
  CudaFunction allowShared(int bytes) {
    if (bytes <= allowedShared) {
      return this;
    }
    try {
      module.driver().cuFuncSetAttribute(handle, MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes);
    } catch (CudaException e) {
      throw e.during("kernel " + name + ", " + bytes + " bytes of shared memory");
    }
    allowedShared = bytes;
    return this;
  }

  /**
   * Dynamic shared memory that a block can have on this GPU, in bytes: all beside what the kernel declares itself. From
   * 99 KiB a block (compute capability 8.6, 8.9 and 12) to 227 KiB (9.0 and 10).
   */
  int mostShared() {
    return mostShared;
  }

  /**
   * Permits launches with {@link #mostShared}.
   *
   * @return how much that is
   */
  int allowMostShared() {
    allowShared(mostShared);
    return mostShared;
  }

  /** Most threads that a block of this kernel can have. */
  int maxThreads() {
    return module.driver().cuFuncGetAttribute(MAX_THREADS_PER_BLOCK, handle);
  }

  /** Registers of a thread. */
  int registers() {
    return module.driver().cuFuncGetAttribute(NUM_REGS, handle);
  }

  /** Blocks of this many threads and dynamic shared bytes that one multiprocessor holds at a time. */
  int blocksPerMultiprocessor(int threads, int shared) {
    return module.driver().cuOccupancyMaxActiveBlocksPerMultiprocessor(handle, threads, shared);
  }

  /** Refuses a launch whose arguments are not the kernel's: the GPU would read what lies beside them. */
  void requireParameters(int count, long wideArguments) {
    if (count != parameters || wideArguments != wide) {
      throw new IllegalArgumentException("kernel " + name + " takes " + text(parameters, wide)
          + ", not " + text(count, wideArguments));
    }
  }

  private static String text(int count, long wide) {
    StringBuilder sizes = new StringBuilder();
    for (int i = 0; i < count; i++) {
      sizes.append(i == 0 ? "" : ", ").append((wide >>> i & 1) == 1 ? 8 : 4);
    }
    return count + " parameters of (" + sizes + ") bytes";
  }

  @Override
  public String toString() {
    return "kernel " + name;
  }
}
