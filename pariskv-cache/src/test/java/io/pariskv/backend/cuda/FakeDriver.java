package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A GPU as the driver's functions show it, enough of one to catch wrong use: memory has bounds, streams do
 * their work as late as they may, a captured stream does none, and kernels are Java functions. Names and
 * parameters are those of {@code cuda.h}; all are package-private so that {@link FakeCuda} finds them.
 */
final class FakeDriver {
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
  }

  private static final class Block {
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;

    Block(long bytes) {
      memory = arena.allocate(bytes, 256);
    }
  }

  /** A stream: what it has not done yet, or what is being captured from it. */
  private static final class Stream {
    private final ArrayDeque<Runnable> pending = new ArrayDeque<>();
    private boolean capturing;
    private List<Runnable> captured = new ArrayList<>();
  }

  /** Where an event was recorded; whoever waits for the event waits for the last one before the wait. */
  private static final class Mark {
    private final Stream stream;
    private boolean reached;

    Mark(Stream stream) {
      this.stream = stream;
      this.reached = stream.capturing;
    }
  }

  private static final class Event {
    private @Nullable Mark mark;
  }

  int version = 13_000;
  int devices = 1;
  int major = 9;
  int binaryVersion = 90;
  long freeBytes = 1L << 32;
  long deviceOffset;

  private final Arena arena;
  private final TreeMap<Long, Block> allocations = new TreeMap<>();
  private final TreeMap<Long, Block> pinned = new TreeMap<>();
  private final TreeMap<Long, Long> registered = new TreeMap<>();
  private final Map<String, Kernel> kernels = new HashMap<>();
  private final Map<Long, Object> handles = new HashMap<>();
  private long nextHandle = 0x7000_0000_0001L; // wider than an int, so that a cut one shows
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

  /** What is not closed yet, in words; empty if nothing leaks. */
  String leaks() {
    List<String> left = new ArrayList<>();
    allocations.keySet().forEach(address -> left.add("device memory"));
    pinned.keySet().forEach(address -> left.add("pinned memory"));
    registered.keySet().forEach(address -> left.add("registration"));
    handles.values().forEach(handle -> left.add(handle.getClass().getSimpleName()));
    if (retained != 0) {
      left.add(retained + " retains");
    }
    return String.join(", ", left);
  }

  /** The handle that is open, if it is only one. */
  long onlyHandle() {
    return handles.keySet().iterator().next();
  }

  /** Ends graphs that a failing call left. */
  void forgetGraphs() {
    handles.values().removeIf(Graph.class::isInstance);
  }

  /** Ends registrations of memory that is unmapped already. */
  void forgetRegistrations() {
    registered.clear();
  }

  /** Device or pinned memory, within one allocation. */
  MemorySegment memory(long address, long bytes) {
    for (TreeMap<Long, Block> kind : List.of(allocations, pinned)) {
      Map.Entry<Long, Block> entry = kind.floorEntry(address);
      if (entry != null
          && address - entry.getKey() + bytes <= entry.getValue().memory.byteSize()) {
        return entry.getValue().memory.asSlice(address - entry.getKey(), bytes);
      }
    }
    Map.Entry<Long, Long> entry = registered.floorEntry(address);
    if (entry != null && address - entry.getKey() + bytes <= entry.getValue()) {
      return MemorySegment.ofAddress(address).reinterpret(bytes);
    }
    throw new IllegalArgumentException("0x" + Long.toHexString(address) + " and " + bytes
        + " bytes from there are not all in one allocation");
  }

  /** A new handle; {@link #leaks} knows it until its {@link #end}. */
  long open(Object handle) {
    handles.put(nextHandle, handle);
    return nextHandle++;
  }

  <T> T handle(Class<T> type, long handle) {
    Object found = handles.get(handle);
    if (!type.isInstance(found)) {
      throw new IllegalArgumentException(type.getSimpleName() + " 0x" + Long.toHexString(handle)
          + " is " + (found == null ? "closed" : found));
    }
    return type.cast(found);
  }

  int end(Class<?> type, long handle) {
    handle(type, handle);
    handles.remove(handle);
    return 0;
  }

  private static MemorySegment out(MemorySegment pointer, long bytes) {
    return pointer.reinterpret(bytes);
  }

  static int give(MemorySegment pointer, long value) {
    out(pointer, 8).set(JAVA_LONG, 0, value);
    return 0;
  }

  static int giveInt(MemorySegment pointer, int value) {
    out(pointer, 4).set(JAVA_INT, 0, value);
    return 0;
  }

  private static int giveText(MemorySegment pointer, int length, String text) {
    out(pointer, length).setString(0, text);
    return 0;
  }

  /** Gives work to a stream. */
  int enqueue(long handle, Runnable work) {
    Stream stream = handle(Stream.class, handle);
    if (stream.capturing) {
      stream.captured.add(work);
    } else {
      stream.pending.add(work);
    }
    return 0;
  }

  private static void drain(Stream stream) {
    while (!stream.pending.isEmpty()) {
      stream.pending.remove().run();
    }
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
      case 16 -> 132;
      case 38 -> 50 << 20;
      case 75 -> major;
      case 76 -> 0;
      case 97 -> 227 << 10;
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

  int cuCtxSynchronize() {
    handles.values().forEach(handle -> {
      if (handle instanceof Stream stream) {
        drain(stream);
      }
    });
    return 0;
  }

  // ---- Memory

  int cuMemGetInfo_v2(MemorySegment free, MemorySegment total) {
    give(free, freeBytes);
    return give(total, 80L << 30);
  }

  int cuMemAlloc_v2(MemorySegment address, long bytes) {
    if (bytes > freeBytes) {
      return CudaException.OUT_OF_MEMORY;
    }
    Block block = new Block(bytes);
    block.memory.fill((byte) 0xaa); // not cleared
    allocations.put(block.memory.address(), block);
    return give(address, block.memory.address());
  }

  private static int release(Map<Long, Block> kind, long address) {
    Block block = kind.remove(address);
    if (block == null) {
      return CudaException.INVALID_VALUE;
    }
    block.arena.close();
    return 0;
  }

  int cuMemFree_v2(long address) {
    cuCtxSynchronize();
    return release(allocations, address);
  }

  int cuMemsetD8Async(long target, byte value, long bytes, long stream) {
    return enqueue(stream, () -> memory(target, bytes).fill(value));
  }

  int cuMemcpyHtoDAsync_v2(long target, MemorySegment source, long bytes, long stream) {
    return copy(target, source.address(), bytes, stream);
  }

  int cuMemcpyDtoHAsync_v2(MemorySegment target, long source, long bytes, long stream) {
    return copy(target.address(), source, bytes, stream);
  }

  int cuMemcpyDtoDAsync_v2(long target, long source, long bytes, long stream) {
    return copy(target, source, bytes, stream);
  }

  private int copy(long target, long source, long bytes, long stream) {
    memory(target, bytes);
    memory(source, bytes);
    return enqueue(stream, () -> memory(target, bytes).copyFrom(memory(source, bytes)));
  }

  int cuMemHostRegister_v2(MemorySegment address, long bytes, int flags) {
    if (registered.containsKey(address.address())) {
      return 712;
    }
    registered.put(address.address(), bytes);
    return 0;
  }

  int cuMemHostUnregister(MemorySegment address) {
    return registered.remove(address.address()) == null ? 713 : 0;
  }

  int cuMemHostGetDevicePointer_v2(MemorySegment device, MemorySegment host, int flags) {
    return give(device, host.address() + deviceOffset);
  }

  int cuMemHostAlloc(MemorySegment address, long bytes, int flags) {
    Block block = new Block(bytes);
    pinned.put(block.memory.address(), block);
    return give(address, block.memory.address());
  }

  int cuMemFreeHost(long address) {
    return release(pinned, address);
  }

  // ---- Streams and events

  int cuStreamCreate(MemorySegment stream, int flags) {
    return give(stream, open(new Stream()));
  }

  int cuStreamDestroy_v2(long stream) {
    drain(handle(Stream.class, stream));
    return end(Stream.class, stream);
  }

  int cuStreamSynchronize(long handle) {
    Stream stream = handle(Stream.class, handle);
    if (stream.capturing) {
      return 900;
    }
    drain(stream);
    return 0;
  }

  int cuStreamWaitEvent(long stream, long event, int flags) {
    Mark mark = handle(Event.class, event).mark;
    return enqueue(stream, () -> reach(mark));
  }

  private static void reach(@Nullable Mark mark) {
    while (mark != null && !mark.reached) {
      mark.stream.pending.remove().run();
    }
  }

  int cuEventCreate(MemorySegment event, int flags) {
    return give(event, open(new Event()));
  }

  int cuEventRecord(long event, long stream) {
    Mark mark = new Mark(handle(Stream.class, stream));
    handle(Event.class, event).mark = mark;
    return enqueue(stream, () -> mark.reached = true);
  }

  int cuEventSynchronize(long event) {
    reach(handle(Event.class, event).mark);
    return 0;
  }

  int cuEventElapsedTime_v2(MemorySegment milliseconds, long start, long end) {
    handle(Event.class, start);
    handle(Event.class, end);
    out(milliseconds, 4).set(JAVA_FLOAT, 0, 1.5f);
    return 0;
  }

  int cuEventDestroy_v2(long event) {
    return end(Event.class, event);
  }

  // ---- Kernels

  private record Module() {
  }

  int cuModuleLoadData(MemorySegment module, MemorySegment image) {
    return give(module, open(new Module()));
  }

  int cuModuleUnload(long module) {
    handles.values().removeIf(Kernel.class::isInstance);
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
    handle(Kernel.class, function);
    return 0;
  }

  int cuFuncGetAttribute(MemorySegment value, int attribute, long function) {
    handle(Kernel.class, function);
    return giveInt(value, attribute == 6 ? binaryVersion : 1000 + attribute);
  }

  int cuOccupancyMaxActiveBlocksPerMultiprocessor(MemorySegment blocks, long function, int size,
      long shared) {
    handle(Kernel.class, function);
    return giveInt(blocks, 2);
  }

  int cuLaunchKernel(long function, int gridX, int gridY, int gridZ, int blockX, int blockY,
      int blockZ, int shared, long stream, MemorySegment parameters, MemorySegment extra) {
    Kernel kernel = handle(Kernel.class, function);
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

  // ---- Graphs

  private record Graph(List<Runnable> work) {
  }

  private record Executable(List<Runnable> work) {
  }

  int cuStreamBeginCapture_v2(long handle, int mode) {
    Stream stream = handle(Stream.class, handle);
    stream.capturing = true;
    stream.captured = new ArrayList<>();
    return 0;
  }

  int cuStreamEndCapture(long handle, MemorySegment graph) {
    Stream stream = handle(Stream.class, handle);
    stream.capturing = false;
    return give(graph, open(new Graph(stream.captured)));
  }

  int cuGraphInstantiateWithFlags(MemorySegment executable, long graph, long flags) {
    return give(executable, open(new Executable(handle(Graph.class, graph).work)));
  }

  int cuGraphLaunch(long executable, long stream) {
    handle(Executable.class, executable).work.forEach(work -> enqueue(stream, work));
    return 0;
  }

  int cuGraphExecDestroy(long executable) {
    return end(Executable.class, executable);
  }

  int cuGraphDestroy(long graph) {
    return end(Graph.class, graph);
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
