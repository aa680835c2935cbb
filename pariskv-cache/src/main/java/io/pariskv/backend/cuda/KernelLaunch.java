package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.pariskv.memory.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The arguments of one kernel launch after another, written into one native block that is used again: a
 * launch allocates nothing.
 *
 * <pre>{@code
 * launch.on(stream).grid(blocks(rows, 8), kvHeads).block(256)
 *     .arg(x).arg(weight).arg(epsilon).arg(width).arg(y).run(rmsNorm);
 * }</pre>
 *
 * <p>Arguments come in the order of the kernel's parameters; {@link #run} checks their number and sizes.
 * One driving thread.
 */
final class KernelLaunch {
  private static final int SLOT = 8;
  private static final int MAX_GRID_YZ = 65_535;
  private static final int MAX_BLOCK = 1_024;

  private final MemorySegment values;
  /** {@code void* parameters[]}, each pointing at its slot of {@link #values} for good. */
  private final MemorySegment pointers;
  private final LaunchConfig config;
  private final boolean mayOverlap;
  private CudaStream stream;
  private int gridX;
  private int gridY;
  private int gridZ;
  private int block;
  private int shared;
  private int count;
  private long wide;
  private boolean overlapped;

  /**
   * Launches on a stream until told another.
   *
   * @param mayOverlap whether {@link #overlapped} does anything
   */
  KernelLaunch(CudaStream stream, boolean mayOverlap) {
    Arena arena = Arena.ofAuto();
    this.stream = stream;
    this.mayOverlap = mayOverlap;
    config = new LaunchConfig(arena);
    values = arena.allocate((long) SLOT * CudaDriver.MAX_PARAMETERS, SLOT);
    pointers = arena.allocate(ADDRESS, CudaDriver.MAX_PARAMETERS);
    for (int i = 0; i < CudaDriver.MAX_PARAMETERS; i++) {
      pointers.setAtIndex(ADDRESS, i, values.asSlice((long) SLOT * i, SLOT));
    }
  }

  /** Begins a launch on {@code stream}: one block of one thread, no shared memory, no arguments. */
  KernelLaunch on(CudaStream on) {
    stream = on;
    shared = 0;
    count = 0;
    wide = 0;
    overlapped = false;
    return grid(1).block(1);
  }

  /** Blocks of {@code per} elements that cover {@code elements}. */
  static int blocks(long elements, int per) {
    return Math.toIntExact(Math.ceilDiv(elements, (long) per));
  }

  /** Blocks of the grid. */
  KernelLaunch grid(int x) {
    return grid(x, 1, 1);
  }

  /** Blocks of the grid. */
  KernelLaunch grid(int x, int y) {
    return grid(x, y, 1);
  }

  /** Blocks of the grid; y and z at most 65,535. */
  KernelLaunch grid(int x, int y, int z) {
    gridX = x;
    gridY = y;
    gridZ = z;
    return this;
  }

  /** Threads of a block, at most 1,024. */
  KernelLaunch block(int threads) {
    block = threads;
    return this;
  }

  /** Dynamic shared memory of a block; from 48 KiB on see {@link CudaFunction#allowShared}. */
  KernelLaunch shared(int bytes) {
    shared = bytes;
    return this;
  }

  /**
   * Lets the kernel begin before the one before it has ended, if that one is overlapped too; only for kernels
   * that wait for it themselves ({@code await_previous} in {@code pariskv.cuh}). Behind anything else, such as
   * a copy, an event or a kernel that may have written weights, it begins when that has ended; and so it does
   * on GPUs older than compute capability 9.0.
   */
  KernelLaunch overlapped() {
    overlapped = mayOverlap;
    return this;
  }

  /**
   * The address of a buffer.
   *
   * @throws IllegalArgumentException if the GPU cannot reach it
   */
  KernelLaunch arg(Buffer buffer) {
    return arg(address(buffer));
  }

  /**
   * The address of a buffer for the GPU.
   *
   * @throws IllegalArgumentException if the GPU cannot reach it
   */
  static long address(Buffer buffer) {
    if (buffer.placement() == Buffer.Placement.HOST) {
      throw new IllegalArgumentException(buffer + " is in pageable host memory, which a kernel "
          + "cannot read; allocate it with the backend's allocator");
    }
    return buffer.address();
  }

  /** A 64-bit integer or an address. */
  KernelLaunch arg(long value) {
    wide |= 1L << count;
    values.set(JAVA_LONG, slot(), value);
    return this;
  }

  /** A 32-bit integer. */
  KernelLaunch arg(int value) {
    values.set(JAVA_INT, slot(), value);
    return this;
  }

  /** A float. */
  KernelLaunch arg(float value) {
    values.set(JAVA_FLOAT, slot(), value);
    return this;
  }

  private long slot() {
    return (long) SLOT * count++;
  }

  /**
   * Launches {@code function}, in stream order.
   *
   * @throws IllegalArgumentException if the arguments are not the kernel's, or the grid is none
   * @throws CudaException if CUDA refuses the launch; a fault while it runs shows at a later call
   */
  void run(CudaFunction function) {
    function.requireParameters(count, wide);
    if (gridX < 1 || gridY < 1 || gridZ < 1 || gridY > MAX_GRID_YZ || gridZ > MAX_GRID_YZ
        || block < 1 || block > MAX_BLOCK || shared < 0) {
      throw new IllegalArgumentException("cannot launch " + geometry(function));
    }
    CudaDriver driver = stream.driver();
    try {
      if (overlapped && function.waits() && stream.endsOverlapped()) {
        driver.cuLaunchKernelEx(config.of(gridX, gridY, gridZ, block, shared, stream.handle()),
            function.handle(), pointers);
      } else {
        driver.cuLaunchKernel(function.handle(), gridX, gridY, gridZ, block, 1, 1, shared,
            stream.handle(), pointers);
      }
    } catch (CudaException e) {
      throw e.during(geometry(function));
    }
    if (overlapped) {
      stream.gaveOverlapped();
    } else {
      stream.gaveOther();
    }
  }

  private String geometry(CudaFunction function) {
    return function + " with grid " + gridX + " x " + gridY + " x " + gridZ + ", block " + block
        + ", " + shared + " bytes of shared memory";
  }
}
