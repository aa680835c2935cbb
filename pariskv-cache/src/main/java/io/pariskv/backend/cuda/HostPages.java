package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.pariskv.memory.MemoryPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.stream.LongStream;

/** Anonymous host memory straight from the system. */
interface HostPages {

  /**
   * New memory of zeros, every page of it present.
   *
   * @param bytes a multiple of {@link Linux#HUGE_PAGE}
   * @throws OutOfMemoryError if the system has no such range
   */
  MemorySegment map(long bytes);

  /** Gives memory of {@link #map} back. */
  void unmap(MemorySegment memory);

  /**
   * {@code mmap} on Linux, in huge pages where the system has them: pinning is then 8 to 20 times faster
   * than asking CUDA for pinned memory.
   */
  final class Linux implements HostPages {
    /** Size and alignment of a huge page on x86-64 and on 64-bit Arm with 4 KiB pages. */
    static final long HUGE_PAGE = 2 << 20;

    private static final long PAGE = 4096;
    private static final int PROT_READ_WRITE = 1 | 2;
    private static final int MAP_PRIVATE_ANONYMOUS = 0x02 | 0x20;
    private static final int MADV_HUGEPAGE = 14;
    private static final long MAP_FAILED = -1;

    private static final StructLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = STATE
        .varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final MethodHandle MMAP = bind("mmap", FunctionDescriptor.of(JAVA_LONG,
        JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    private static final MethodHandle MUNMAP = bind("munmap",
        FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle MADVISE = bind("madvise",
        FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));

    private static MethodHandle bind(String name, FunctionDescriptor type) {
      return Linker.nativeLinker().downcallHandle(
          Linker.nativeLinker().defaultLookup().findOrThrow(name), type,
          Linker.Option.captureCallState("errno"));
    }

    @Override
    public MemorySegment map(long bytes) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment state = arena.allocate(STATE);
        long range = mmap(state, Math.addExact(bytes, HUGE_PAGE));
        if (range == MAP_FAILED) {
          throw new OutOfMemoryError("cannot map " + MemoryPlan.humanBytes(bytes)
              + " of host memory (mmap: errno " + (int) ERRNO.get(state, 0L)
              + "); lower --context, or raise the limit of address space (ulimit -v)");
        }
        long address = (range + HUGE_PAGE - 1) & -HUGE_PAGE;
        trim(state, range, address - range);
        trim(state, address + bytes, range + HUGE_PAGE - address);
        advise(state, address, bytes); // without huge pages it works too, only slower
        return touch(MemorySegment.ofAddress(address).reinterpret(bytes));
      }
    }

    /** Makes every page present, from several threads: clearing pages is most of the cost of pinning. */
    private static MemorySegment touch(MemorySegment memory) {
      LongStream.range(0, memory.byteSize() / HUGE_PAGE).parallel().forEach(huge -> {
        for (long page = 0; page < HUGE_PAGE; page += PAGE) {
          memory.set(JAVA_BYTE, huge * HUGE_PAGE + page, (byte) 0);
        }
      });
      return memory;
    }

    private static void trim(MemorySegment state, long address, long bytes) {
      if (bytes > 0) {
        munmap(state, address, bytes);
      }
    }

    @Override
    public void unmap(MemorySegment memory) {
      try (Arena arena = Arena.ofConfined()) {
        munmap(arena.allocate(STATE), memory.address(), memory.byteSize());
      }
    }

    private static long mmap(MemorySegment state, long bytes) {
      try {
        return (long) MMAP.invokeExact(state, 0L, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS,
            -1, 0L);
      } catch (Throwable e) {
        throw new IllegalStateException("mmap", e);
      }
    }

    private static void munmap(MemorySegment state, long address, long bytes) {
      int result;
      try {
        result = (int) MUNMAP.invokeExact(state, address, bytes);
      } catch (Throwable e) {
        throw new IllegalStateException("munmap", e);
      }
      if (result != 0) {
        throw new IllegalStateException("munmap of " + bytes + " bytes at 0x"
            + Long.toHexString(address) + " failed (errno " + (int) ERRNO.get(state, 0L) + ")");
      }
    }

    private static void advise(MemorySegment state, long address, long bytes) {
      try {
        int ignored = (int) MADVISE.invokeExact(state, address, bytes, MADV_HUGEPAGE);
      } catch (Throwable e) {
        throw new IllegalStateException("madvise", e);
      }
    }
  }
}
