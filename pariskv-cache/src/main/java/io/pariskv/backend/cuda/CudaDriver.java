package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.pariskv.error.InputException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.ToIntFunction;

/**
 * The functions of {@code libcuda.so.1} that this backend uses, under their C names.
 *
 * <p>Handles and device addresses are {@code long}, only host memory is a segment. A result other than
 * success is a {@link CudaException}. Nothing here knows lifetimes or threads beyond what CUDA itself
 * demands: a call works on the context that is current in its thread.
 *
 * <p>Where the library exports several versions of a function the one declared by {@code cuda.h} is bound;
 * plain names such as {@code cuMemAlloc} are kept by the library for programs of CUDA 3.1, with 32-bit sizes.
 */
public final class CudaDriver {
  /** Most kernel parameters there can be here; CUDA's limit is 4 KiB of them. */
  static final int MAX_PARAMETERS = 64;

  /** Longest description of an error that is read. */
  private static final int MAX_TEXT = 4096;

  /** Oldest driver that has all of these functions: CUDA 12.4. */
  static final int OLDEST_VERSION = 12_040;

  /** Free and all bytes of a device. */
  public record MemoryInfo(long freeBytes, long totalBytes) {
  }

  private final DriverFunction cuInit;
  private final DriverFunction cuDriverGetVersion;
  private final DriverFunction cuDeviceGetCount;
  private final DriverFunction cuDeviceGet;
  private final DriverFunction cuDeviceGetName;
  private final DriverFunction cuDeviceGetPCIBusId;
  private final DriverFunction cuDeviceGetAttribute;
  private final DriverFunction cuDeviceTotalMem;
  private final DriverFunction cuDevicePrimaryCtxRetain;
  private final DriverFunction cuDevicePrimaryCtxRelease;
  private final DriverFunction cuCtxSetCurrent;
  private final DriverFunction cuCtxSynchronize;
  private final DriverFunction cuMemGetInfo;
  private final DriverFunction cuMemAlloc;
  private final DriverFunction cuMemFree;
  private final DriverFunction cuMemsetD8Async;
  private final DriverFunction cuMemcpyHtoDAsync;
  private final DriverFunction cuMemcpyDtoHAsync;
  private final DriverFunction cuMemcpyDtoDAsync;
  private final DriverFunction cuMemHostRegister;
  private final DriverFunction cuMemHostUnregister;
  private final DriverFunction cuMemHostGetDevicePointer;
  private final DriverFunction cuMemHostAlloc;
  private final DriverFunction cuMemFreeHost;
  private final DriverFunction cuStreamCreate;
  private final DriverFunction cuStreamDestroy;
  private final DriverFunction cuStreamSynchronize;
  private final DriverFunction cuStreamWaitEvent;
  private final DriverFunction cuEventCreate;
  private final DriverFunction cuEventRecord;
  private final DriverFunction cuEventSynchronize;
  private final DriverFunction cuEventElapsedTime;
  private final DriverFunction cuEventDestroy;
  private final DriverFunction cuModuleLoadData;
  private final DriverFunction cuModuleUnload;
  private final DriverFunction cuModuleGetFunction;
  private final DriverFunction cuFuncGetParamInfo;
  private final DriverFunction cuFuncSetAttribute;
  private final DriverFunction cuFuncGetAttribute;
  private final DriverFunction cuOccupancyMaxActiveBlocksPerMultiprocessor;
  private final DriverFunction cuLaunchKernel;
  private final DriverFunction cuLaunchKernelEx;
  private final DriverFunction cuStreamBeginCapture;
  private final DriverFunction cuStreamEndCapture;
  private final DriverFunction cuGraphInstantiateWithFlags;
  private final DriverFunction cuGraphLaunch;
  private final DriverFunction cuGraphExecDestroy;
  private final DriverFunction cuGraphDestroy;
  private final DriverFunction cuGetErrorName;
  private final DriverFunction cuGetErrorString;

  /**
   * The functions as {@code library} has them.
   *
   * @throws InputException if one is missing; the message names it and the driver that has it
   */
  public CudaDriver(SymbolLookup library) {
    cuInit = bind(library, "cuInit");
    cuDriverGetVersion = bind(library, "cuDriverGetVersion");
    cuDeviceGetCount = bind(library, "cuDeviceGetCount");
    cuDeviceGet = bind(library, "cuDeviceGet");
    cuDeviceGetName = bind(library, "cuDeviceGetName");
    cuDeviceGetPCIBusId = bind(library, "cuDeviceGetPCIBusId");
    cuDeviceGetAttribute = bind(library, "cuDeviceGetAttribute");
    cuDeviceTotalMem = bind(library, "cuDeviceTotalMem_v2");
    cuDevicePrimaryCtxRetain = bind(library, "cuDevicePrimaryCtxRetain");
    cuDevicePrimaryCtxRelease = bind(library, "cuDevicePrimaryCtxRelease_v2");
    cuCtxSetCurrent = bind(library, "cuCtxSetCurrent");
    cuCtxSynchronize = bind(library, "cuCtxSynchronize");
    cuMemGetInfo = bind(library, "cuMemGetInfo_v2");
    cuMemAlloc = bind(library, "cuMemAlloc_v2");
    cuMemFree = bind(library, "cuMemFree_v2");
    cuMemsetD8Async = bind(library, "cuMemsetD8Async");
    cuMemcpyHtoDAsync = bind(library, "cuMemcpyHtoDAsync_v2");
    cuMemcpyDtoHAsync = bind(library, "cuMemcpyDtoHAsync_v2");
    cuMemcpyDtoDAsync = bind(library, "cuMemcpyDtoDAsync_v2");
    cuMemHostRegister = bind(library, "cuMemHostRegister_v2");
    cuMemHostUnregister = bind(library, "cuMemHostUnregister");
    cuMemHostGetDevicePointer = bind(library, "cuMemHostGetDevicePointer_v2");
    cuMemHostAlloc = bind(library, "cuMemHostAlloc");
    cuMemFreeHost = bind(library, "cuMemFreeHost");
    cuStreamCreate = bind(library, "cuStreamCreate");
    cuStreamDestroy = bind(library, "cuStreamDestroy_v2");
    cuStreamSynchronize = bind(library, "cuStreamSynchronize");
    cuStreamWaitEvent = bind(library, "cuStreamWaitEvent");
    cuEventCreate = bind(library, "cuEventCreate");
    cuEventRecord = bind(library, "cuEventRecord");
    cuEventSynchronize = bind(library, "cuEventSynchronize");
    cuEventElapsedTime = bind(library, "cuEventElapsedTime_v2", "cuEventElapsedTime");
    cuEventDestroy = bind(library, "cuEventDestroy_v2");
    cuModuleLoadData = bind(library, "cuModuleLoadData");
    cuModuleUnload = bind(library, "cuModuleUnload");
    cuModuleGetFunction = bind(library, "cuModuleGetFunction");
    cuFuncGetParamInfo = bind(library, "cuFuncGetParamInfo");
    cuFuncSetAttribute = bind(library, "cuFuncSetAttribute");
    cuFuncGetAttribute = bind(library, "cuFuncGetAttribute");
    cuOccupancyMaxActiveBlocksPerMultiprocessor = bind(library,
        "cuOccupancyMaxActiveBlocksPerMultiprocessor");
    cuLaunchKernel = bind(library, "cuLaunchKernel");
    cuLaunchKernelEx = bind(library, "cuLaunchKernelEx");
    cuStreamBeginCapture = bind(library, "cuStreamBeginCapture_v2");
    cuStreamEndCapture = bind(library, "cuStreamEndCapture");
    cuGraphInstantiateWithFlags = bind(library, "cuGraphInstantiateWithFlags");
    cuGraphLaunch = bind(library, "cuGraphLaunch");
    cuGraphExecDestroy = bind(library, "cuGraphExecDestroy");
    cuGraphDestroy = bind(library, "cuGraphDestroy");
    cuGetErrorName = bind(library, "cuGetErrorName");
    cuGetErrorString = bind(library, "cuGetErrorString");
  }

  /**
   * The driver of this machine.
   *
   * @throws InputException if it has none, or one that is too old
   * @throws IllegalCallerException if Java was started without {@code --enable-native-access}
   */
  public static CudaDriver load() {
    SymbolLookup library;
    try {
      library = SymbolLookup.libraryLookup("libcuda.so.1", Arena.global());
    } catch (IllegalArgumentException e) {
      throw new InputException("no libcuda.so.1 on this machine; install the NVIDIA driver (Linux)",
          e);
    }
    return new CudaDriver(library);
  }

  /** The first of {@code symbols} that the library has, the newest version first. */
  private static DriverFunction bind(SymbolLookup library, String... symbols) {
    String name = symbols[0].replaceFirst("_v\\d$", "");
    for (String symbol : symbols) {
      Optional<MemorySegment> address = library.find(symbol);
      if (address.isPresent()) {
        return new DriverFunction(name, address.get());
      }
    }
    throw new InputException("the NVIDIA driver has no " + symbols[0]
        + "; update it to one of CUDA " + version(OLDEST_VERSION) + " or newer (550)");
  }

  /** Such as {@code 12.4} for 12040. */
  static String version(int number) {
    return number / 1000 + "." + number % 1000 / 10;
  }

  // ---- Driver and devices

  /** Starts the driver; {@code flags} is 0. */
  public void cuInit(int flags) {
    check(cuInit, cuInit.call(flags));
  }

  /** The newest CUDA version the driver serves, such as 13000 for 13.0. */
  public int cuDriverGetVersion() {
    return intFrom(cuDriverGetVersion, out -> cuDriverGetVersion.call(out));
  }

  /** Visible GPUs. */
  public int cuDeviceGetCount() {
    return intFrom(cuDeviceGetCount, out -> cuDeviceGetCount.call(out));
  }

  /** The device of an ordinal. */
  public int cuDeviceGet(int ordinal) {
    return intFrom(cuDeviceGet, out -> cuDeviceGet.call(out, ordinal));
  }

  /** Such as {@code NVIDIA H100 80GB HBM3}. */
  public String cuDeviceGetName(int device) {
    return textFrom(cuDeviceGetName, device);
  }

  /** Such as {@code 0000:1B:00.0}. */
  public String cuDeviceGetPCIBusId(int device) {
    return textFrom(cuDeviceGetPCIBusId, device);
  }

  /** A {@code CUdevice_attribute}. */
  public int cuDeviceGetAttribute(int attribute, int device) {
    return intFrom(cuDeviceGetAttribute, out -> cuDeviceGetAttribute.call(out, attribute, device));
  }

  /** Bytes of device memory. */
  public long cuDeviceTotalMem(int device) {
    return longFrom(cuDeviceTotalMem, out -> cuDeviceTotalMem.call(out, device));
  }

  /** The context that all users of the device in this process share. */
  public long cuDevicePrimaryCtxRetain(int device) {
    return longFrom(cuDevicePrimaryCtxRetain, out -> cuDevicePrimaryCtxRetain.call(out, device));
  }

  /** Takes one retain back. */
  public void cuDevicePrimaryCtxRelease(int device) {
    check(cuDevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease.call(device));
  }

  /** Makes a context, or 0 for none, current in the calling thread. */
  public void cuCtxSetCurrent(long context) {
    check(cuCtxSetCurrent, cuCtxSetCurrent.call(context));
  }

  /** Waits for all work of the current context. */
  public void cuCtxSynchronize() {
    check(cuCtxSynchronize, cuCtxSynchronize.call());
  }

  // ---- Memory

  /** Free and all memory of the current context's device. */
  public MemoryInfo cuMemGetInfo() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment free = arena.allocate(JAVA_LONG);
      MemorySegment total = arena.allocate(JAVA_LONG);
      check(cuMemGetInfo, cuMemGetInfo.call(free, total));
      return new MemoryInfo(free.get(JAVA_LONG, 0), total.get(JAVA_LONG, 0));
    }
  }

  /** Device memory, not cleared. */
  public long cuMemAlloc(long bytes) {
    return longFrom(cuMemAlloc, out -> cuMemAlloc.call(out, bytes));
  }

  /** Frees device memory. */
  public void cuMemFree(long address) {
    check(cuMemFree, cuMemFree.call(address));
  }

  /** Fills bytes, in stream order. */
  public void cuMemsetD8Async(long target, byte value, long bytes, long stream) {
    check(cuMemsetD8Async, cuMemsetD8Async.call(target, value, bytes, stream));
  }

  /** Copies to the device; {@code source} must stay until the stream got there. */
  public void cuMemcpyHtoDAsync(long target, MemorySegment source, long bytes, long stream) {
    check(cuMemcpyHtoDAsync, cuMemcpyHtoDAsync.call(target, source, bytes, stream));
  }

  /** Copies to the host; {@code target} must stay until the stream got there. */
  public void cuMemcpyDtoHAsync(MemorySegment target, long source, long bytes, long stream) {
    check(cuMemcpyDtoHAsync, cuMemcpyDtoHAsync.call(target, source, bytes, stream));
  }

  /** Copies within the device. */
  public void cuMemcpyDtoDAsync(long target, long source, long bytes, long stream) {
    check(cuMemcpyDtoDAsync, cuMemcpyDtoDAsync.call(target, source, bytes, stream));
  }

  /** Locks the pages of host memory and maps them for the device. */
  public void cuMemHostRegister(MemorySegment memory, long bytes, int flags) {
    check(cuMemHostRegister, cuMemHostRegister.call(memory, bytes, flags));
  }

  /** Takes a registration back. */
  public void cuMemHostUnregister(MemorySegment memory) {
    check(cuMemHostUnregister, cuMemHostUnregister.call(memory));
  }

  /** Where the device sees locked host memory; {@code flags} is 0. */
  public long cuMemHostGetDevicePointer(MemorySegment memory, int flags) {
    return longFrom(cuMemHostGetDevicePointer,
        out -> cuMemHostGetDevicePointer.call(out, memory, flags));
  }

  /** New locked host memory, not cleared. */
  public long cuMemHostAlloc(long bytes, int flags) {
    return longFrom(cuMemHostAlloc, out -> cuMemHostAlloc.call(out, bytes, flags));
  }

  /** Frees what {@link #cuMemHostAlloc} made. */
  public void cuMemFreeHost(long address) {
    check(cuMemFreeHost, cuMemFreeHost.call(address));
  }

  // ---- Streams and events

  /** A new stream. */
  public long cuStreamCreate(int flags) {
    return longFrom(cuStreamCreate, out -> cuStreamCreate.call(out, flags));
  }

  /** Ends a stream when its work is done. */
  public void cuStreamDestroy(long stream) {
    check(cuStreamDestroy, cuStreamDestroy.call(stream));
  }

  /** Waits for all work of a stream. */
  public void cuStreamSynchronize(long stream) {
    check(cuStreamSynchronize, cuStreamSynchronize.call(stream));
  }

  /** Later work of the stream waits for the event; {@code flags} is 0. */
  public void cuStreamWaitEvent(long stream, long event, int flags) {
    check(cuStreamWaitEvent, cuStreamWaitEvent.call(stream, event, flags));
  }

  /** A new event. */
  public long cuEventCreate(int flags) {
    return longFrom(cuEventCreate, out -> cuEventCreate.call(out, flags));
  }

  /** The event is reached when the stream's work so far is done. */
  public void cuEventRecord(long event, long stream) {
    check(cuEventRecord, cuEventRecord.call(event, stream));
  }

  /** Waits until the event is reached. */
  public void cuEventSynchronize(long event) {
    check(cuEventSynchronize, cuEventSynchronize.call(event));
  }

  /** Milliseconds between two events. */
  public float cuEventElapsedTime(long start, long end) {
    return Float.intBitsToFloat(
        intFrom(cuEventElapsedTime, out -> cuEventElapsedTime.call(out, start, end)));
  }

  /** Ends an event. */
  public void cuEventDestroy(long event) {
    check(cuEventDestroy, cuEventDestroy.call(event));
  }

  // ---- Kernels

  /** Loads a fatbin; the driver picks or compiles the code for the device. */
  public long cuModuleLoadData(MemorySegment image) {
    return longFrom(cuModuleLoadData, out -> cuModuleLoadData.call(out, image));
  }

  /** Unloads a module. */
  public void cuModuleUnload(long module) {
    check(cuModuleUnload, cuModuleUnload.call(module));
  }

  /** A kernel by the name of its entry. */
  public long cuModuleGetFunction(long module, String entry) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(entry);
      return longFrom(cuModuleGetFunction, out -> cuModuleGetFunction.call(out, module, text));
    }
  }

  /** The size of each parameter of a kernel, in order; the C function is asked for one at a time. */
  public int[] cuFuncGetParamInfo(long function) {
    int[] sizes = new int[MAX_PARAMETERS];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment offset = arena.allocate(JAVA_LONG);
      MemorySegment size = arena.allocate(JAVA_LONG);
      for (int i = 0; i < MAX_PARAMETERS; i++) {
        int code = cuFuncGetParamInfo.call(function, (long) i, offset, size);
        if (code == CudaException.INVALID_VALUE) { // there are no more
          return Arrays.copyOf(sizes, i);
        }
        check(cuFuncGetParamInfo, code);
        sizes[i] = Math.toIntExact(size.get(JAVA_LONG, 0));
      }
    }
    return sizes;
  }

  /** Sets a {@code CUfunction_attribute}. */
  public void cuFuncSetAttribute(long function, int attribute, int value) {
    check(cuFuncSetAttribute, cuFuncSetAttribute.call(function, attribute, value));
  }

  /** A {@code CUfunction_attribute}. */
  public int cuFuncGetAttribute(int attribute, long function) {
    return intFrom(cuFuncGetAttribute, out -> cuFuncGetAttribute.call(out, attribute, function));
  }

  /** Blocks of a kernel that fit on one multiprocessor at a time. */
  public int cuOccupancyMaxActiveBlocksPerMultiprocessor(long function, int blockSize,
      long shared) {
    return intFrom(cuOccupancyMaxActiveBlocksPerMultiprocessor,
        out -> cuOccupancyMaxActiveBlocksPerMultiprocessor.call(out, function, blockSize, shared));
  }

  /** Launches a kernel, in stream order; parameters are copied during the call. {@code extra} is null. */
  public void cuLaunchKernel(long function, int gridX, int gridY, int gridZ, int blockX, int blockY,
      int blockZ, int shared, long stream, MemorySegment parameters) {
    check(cuLaunchKernel, cuLaunchKernel.launch(function, gridX, gridY, gridZ, blockX, blockY,
        blockZ, shared, stream, parameters, MemorySegment.NULL));
  }

  /** The same as {@code config}, a {@code CUlaunchConfig}, says. {@code extra} is null. */
  public void cuLaunchKernelEx(MemorySegment config, long function, MemorySegment parameters) {
    check(cuLaunchKernelEx, cuLaunchKernelEx.call(config, function, parameters,
        MemorySegment.NULL));
  }

  // ---- Graphs

  /** From here on the stream's work is recorded instead of done. */
  public void cuStreamBeginCapture(long stream, int mode) {
    check(cuStreamBeginCapture, cuStreamBeginCapture.call(stream, mode));
  }

  /** Ends recording; the graph. */
  public long cuStreamEndCapture(long stream) {
    return longFrom(cuStreamEndCapture, out -> cuStreamEndCapture.call(stream, out));
  }

  /** An executable graph. */
  public long cuGraphInstantiateWithFlags(long graph, long flags) {
    return longFrom(cuGraphInstantiateWithFlags,
        out -> cuGraphInstantiateWithFlags.call(out, graph, flags));
  }

  /** Runs an executable graph, in stream order. */
  public void cuGraphLaunch(long executable, long stream) {
    check(cuGraphLaunch, cuGraphLaunch.call(executable, stream));
  }

  /** Ends an executable graph. */
  public void cuGraphExecDestroy(long executable) {
    check(cuGraphExecDestroy, cuGraphExecDestroy.call(executable));
  }

  /** Ends a graph; executables made of it stay. */
  public void cuGraphDestroy(long graph) {
    check(cuGraphDestroy, cuGraphDestroy.call(graph));
  }

  // ---- Errors

  /** The name of a result; an unknown one gets a name here too. */
  public String cuGetErrorName(int code) {
    return errorText(cuGetErrorName, code, "CUDA_ERROR_UNKNOWN_TO_THIS_DRIVER");
  }

  /** The driver's description of a result. */
  public String cuGetErrorString(int code) {
    return errorText(cuGetErrorString, code, "no description");
  }

  private String errorText(DriverFunction function, int code, String unknown) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ADDRESS);
      int result = function.call(code, out);
      MemorySegment text = out.get(ADDRESS, 0);
      return result == 0 && text.address() != 0
          ? text.reinterpret(MAX_TEXT).getString(0)
          : unknown;
    }
  }

  private void check(DriverFunction function, int code) {
    if (code != 0) {
      throw new CudaException(function.name(), code, cuGetErrorName(code), cuGetErrorString(code));
    }
  }

  private int intFrom(DriverFunction function, ToIntFunction<MemorySegment> call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      check(function, call.applyAsInt(out));
      return out.get(JAVA_INT, 0);
    }
  }

  private long longFrom(DriverFunction function, ToIntFunction<MemorySegment> call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      check(function, call.applyAsInt(out));
      return out.get(JAVA_LONG, 0);
    }
  }

  private String textFrom(DriverFunction function, int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_BYTE, 256);
      check(function, function.call(out, (int) out.byteSize(), device));
      return out.getString(0);
    }
  }
}
