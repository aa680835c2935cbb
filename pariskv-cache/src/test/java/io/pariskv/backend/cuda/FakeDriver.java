package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A GPU as the driver's functions show it, enough of one to catch wrong use: memory has bounds ({@link FakeMemory}),
 * streams do their work as late as they may, a captured one does none ({@link FakeStreams}), and kernels are Java
 * functions. Names and
 * parameters are those of {@code cuda.h}; all are package-private so that {@link FakeCuda} finds them.
 */
final class FakeDriver extends FakeStreams {
  static final int ILLEGAL_ADDRESS = 700;

  /** The arguments of a launch as the kernel reads them. */
  record Arguments(FakeDriver device, MemorySegment values, List<Integer> grid) {
    long pointer(int i) {
      return values.get(JAVA_LONG, 8L * i);
    }

    int integer(int i) {
      return values.get(JAVA_INT, 8L * i);
    }

    float number(int i) {
      return values.get(JAVA_FLOAT, 8L * i);
    }

    /** Device memory from argument {@code i} on. */
    MemorySegment memory(int i, long bytes) {
      return device.memory(pointer(i), bytes);
    }
  }

  private record Kernel(String name, int[] sizes, Consumer<Arguments> body) {
    int shared() {
      return StaticShared.of(name);
    }
  }

  /** A launch, or one that was captured: blocks in the first direction of its grid, and dynamic shared memory. */
  record Launched(String kernel, int blocks, int shared) {
  }

  /** Shared memory of a block that no kernel has to ask for. */
  private static final int UNASKED = 48 << 10;

  /** What the driver itself has of a block's. */
  private static final int RESERVED = 1 << 10;

  int version = 13_000;
  int devices = 1;
  int major = 9;
  int multiprocessors = 132;
  int l2 = 50 << 20;
  int sharedOfBlock = 227 << 10;
  int ptxVersion = 90;
  int binaryVersion = 90;
  final List<Launched> launched = new ArrayList<>();

  private final Arena arena;
  private final Map<String, Kernel> kernels = new HashMap<>();
  /** Dynamic shared memory that kernels may have, by their names. */
  private final Map<String, Integer> allowed = new HashMap<>();
  private int retained;

  FakeDriver(Arena arena) {
    this.arena = arena;
    KernelSources.files().forEach(file -> KernelSources.entries(file)
        .forEach((name, sizes) -> kernel(name, sizes, arguments -> {
          // computes nothing
        })));
    kernel("smoke_add", new int[]{8, 8, 8, 4, 4}, arguments -> {
      long bytes = 4L * arguments.integer(4);
      for (int i = 0; i < arguments.integer(4); i++) {
        float sum = arguments.memory(0, bytes).getAtIndex(JAVA_FLOAT, i)
            + arguments.number(3) * arguments.memory(1, bytes).getAtIndex(JAVA_FLOAT, i);
        arguments.memory(2, bytes).setAtIndex(JAVA_FLOAT, i, sum);
      }
    });
  }

  /** Adds a kernel that modules have. */
  void kernel(String name, int[] sizes, Consumer<Arguments> body) {
    kernels.put(name, new Kernel(name, sizes, body));
  }

  /** Dynamic shared memory that a kernel may have: what it was last set to, or 0. */
  int allowedShared(String kernel) {
    return allowed.getOrDefault(kernel, 0);
  }

  /** What is not closed yet, in words; empty if nothing leaks. */
  String leaks() {
    List<String> left = new ArrayList<>();
    leakMemory(left);
    leakHandles(left);
    if (retained != 0) {
      left.add(retained + " retains");
    }
    return String.join(", ", left);
  }

  // ---- Driver and devices

  int cuInit(int flags) {
    return devices == 0 ? CudaException.NO_DEVICE : 0;
  }

  int cuDriverGetVersion(MemorySegment driverVersion) {
    return giveInt(driverVersion, version);
  }

  int cuDeviceGetCount(MemorySegment count) {
    return giveInt(count, devices);
  }

  int cuDeviceGet(MemorySegment device, int ordinal) {
    return giveInt(device, ordinal);
  }

  int cuDeviceGetName(MemorySegment name, int length, int device) {
    return giveText(name, length, "Fake GPU");
  }

  int cuDeviceGetPCIBusId(MemorySegment name, int length, int device) {
    return giveText(name, length, "0000:1B:00.0");
  }

  int cuDeviceGetAttribute(MemorySegment value, int attribute, int device) {
    return giveInt(value, switch (attribute) {
      case 16 -> multiprocessors;
      case 38 -> l2;
      case 75 -> major;
      case 76 -> 0;
      case 97 -> sharedOfBlock;
      default -> -1;
    });
  }

  int cuDeviceTotalMem_v2(MemorySegment bytes, int device) {
    return give(bytes, 80L << 30);
  }

  int cuDevicePrimaryCtxRetain(MemorySegment context, int device) {
    retained++;
    return give(context, 0x7111_0000_0001L);
  }

  int cuDevicePrimaryCtxRelease_v2(int device) {
    retained--;
    return 0;
  }

  int cuCtxSetCurrent(long context) {
    return 0;
  }

  // ---- Kernels

  private record Module() {
  }

  int cuModuleLoadData(MemorySegment module, MemorySegment image) {
    return give(module, open(new Module()));
  }

  int cuModuleUnload(long module) {
    int waited = waitApart();
    if (waited != 0) {
      return waited;
    }
    forget(Kernel.class);
    return end(Module.class, module);
  }

  int cuModuleGetFunction(MemorySegment function, long module, MemorySegment name) {
    handle(Module.class, module);
    Kernel kernel = kernels.get(out(name, 256).getString(0));
    return kernel == null ? CudaException.NOT_FOUND : give(function, open(kernel));
  }

  int cuFuncGetParamInfo(long function, long index, MemorySegment offset, MemorySegment size) {
    Kernel kernel = handle(Kernel.class, function);
    if (index >= kernel.sizes.length) {
      return CudaException.INVALID_VALUE;
    }
    give(offset, 8 * index);
    return give(size, kernel.sizes[(int) index]);
  }

  int cuFuncSetAttribute(long function, int attribute, int value) {
    Kernel kernel = handle(Kernel.class, function);
    if (attribute != 8 || value < 0 || value + kernel.shared() > sharedOfBlock) {
      return CudaException.INVALID_VALUE;
    }
    allowed.put(kernel.name, value);
    return 0;
  }

  int cuFuncGetAttribute(MemorySegment value, int attribute, long function) {
    Kernel kernel = handle(Kernel.class, function);
    return giveInt(value, switch (attribute) {
      case 1 -> kernel.shared();
      case 5 -> ptxVersion;
      case 6 -> binaryVersion;
      default -> 1000 + attribute;
    });
  }

  int cuOccupancyMaxActiveBlocksPerMultiprocessor(MemorySegment blocks, long function, int size,
      long shared) {
    Kernel kernel = handle(Kernel.class, function);
    long ofBlock = shared + kernel.shared() + RESERVED;
    return giveInt(blocks, (int) Math.min(2, (sharedOfBlock + RESERVED) / ofBlock));
  }

  int cuLaunchKernel(long function, int gridX, int gridY, int gridZ, int blockX, int blockY,
      int blockZ, int shared, long stream, MemorySegment parameters, MemorySegment extra) {
    Kernel kernel = handle(Kernel.class, function);
    if (shared > Math.max(UNASKED - kernel.shared(), allowed.getOrDefault(kernel.name, 0))) {
      return CudaException.INVALID_VALUE;
    }
    launched.add(new Launched(kernel.name, gridX, shared));
    MemorySegment values = arena.allocate(8L * kernel.sizes.length, 8); // copied during the call
    for (int i = 0; i < kernel.sizes.length; i++) {
      MemorySegment value = out(parameters, 8L * kernel.sizes.length).getAtIndex(ADDRESS, i);
      values.asSlice(8L * i, kernel.sizes[i]).copyFrom(value.reinterpret(kernel.sizes[i]));
    }
    Arguments arguments = new Arguments(this, values, List.of(gridX, gridY, gridZ, blockX));
    return enqueue(stream, () -> kernel.body.accept(arguments));
  }

  int cuLaunchKernelEx(MemorySegment config, long function, MemorySegment parameters,
      MemorySegment extra) {
    MemorySegment c = out(config, LaunchConfig.BYTES);
    MemorySegment attribute = c.get(ADDRESS, 40);
    if (c.get(JAVA_INT, 48) != 1 || out(attribute, 16).get(JAVA_INT, 0) != 6
        || out(attribute, 16).get(JAVA_INT, 8) != 1) {
      throw new IllegalArgumentException("not one attribute that allows an overlap");
    }
    return cuLaunchKernel(function, c.get(JAVA_INT, 0), c.get(JAVA_INT, 4), c.get(JAVA_INT, 8),
        c.get(JAVA_INT, 12), c.get(JAVA_INT, 16), c.get(JAVA_INT, 20), c.get(JAVA_INT, 24),
        c.get(JAVA_LONG, 32), parameters, extra);
  }

  // ---- Errors

  int cuGetErrorName(int error, MemorySegment text) {
    return errorText(error, text, "CUDA_ERROR_" + error);
  }

  int cuGetErrorString(int error, MemorySegment text) {
    return errorText(error, text, "error number " + error);
  }

  private int errorText(int error, MemorySegment pointer, String text) {
    if (error == 12_345) {
      return CudaException.INVALID_VALUE;
    }
    out(pointer, 8).set(ADDRESS, 0, arena.allocateFrom(text));
    return 0;
  }
}
