package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.pariskv.error.InputException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.Arrays;

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
public final class CudaDriver extends DriverLibrary {
  /** Most kernel parameters there can be here; CUDA's limit is 4 KiB of them. */
  static final int MAX_PARAMETERS = 64;

  /** Oldest driver that has all of these functions: CUDA 12.4. */
  static final int OLDEST_VERSION = 12_040;

  /** Free and all bytes of a device. */
  public record MemoryInfo(long freeBytes, long totalBytes) {
  }

  private final DriverFunction cuInit = bind("cuInit");
  private final DriverFunction cuDriverGetVersion = bind("cuDriverGetVersion");
  private final DriverFunction cuDeviceGetCount = bind("cuDeviceGetCount");
  private final DriverFunction cuDeviceGet = bind("cuDeviceGet");
  private final DriverFunction cuDeviceGetName = bind("cuDeviceGetName");
  private final DriverFunction cuDeviceGetPCIBusId = bind("cuDeviceGetPCIBusId");
  private final DriverFunction cuDeviceGetAttribute = bind("cuDeviceGetAttribute");
  private final DriverFunction cuDeviceTotalMem = bind("cuDeviceTotalMem_v2");
  private final DriverFunction cuDevicePrimaryCtxRetain = bind("cuDevicePrimaryCtxRetain");
  private final DriverFunction cuDevicePrimaryCtxRelease = bind("cuDevicePrimaryCtxRelease_v2");
  private final DriverFunction cuCtxSetCurrent = bind("cuCtxSetCurrent");
  private final DriverFunction cuMemGetInfo = bind("cuMemGetInfo_v2");
  private final DriverFunction cuMemAlloc = bind("cuMemAlloc_v2");
  private final DriverFunction cuMemFree = bind("cuMemFree_v2");
  private final DriverFunction cuMemsetD8Async = bind("cuMemsetD8Async");
  private final DriverFunction cuMemcpyHtoDAsync = bind("cuMemcpyHtoDAsync_v2");
  private final DriverFunction cuMemcpyDtoHAsync = bind("cuMemcpyDtoHAsync_v2");
  private final DriverFunction cuMemcpyDtoDAsync = bind("cuMemcpyDtoDAsync_v2");
  private final DriverFunction cuMemHostRegister = bind("cuMemHostRegister_v2");
  private final DriverFunction cuMemHostUnregister = bind("cuMemHostUnregister");
  private final DriverFunction cuMemHostGetDevicePointer = bind("cuMemHostGetDevicePointer_v2");
  private final DriverFunction cuMemHostAlloc = bind("cuMemHostAlloc");
  private final DriverFunction cuMemFreeHost = bind("cuMemFreeHost");
  private final DriverFunction cuStreamCreate = bind("cuStreamCreate");
  private final DriverFunction cuStreamDestroy = bind("cuStreamDestroy_v2");
  private final DriverFunction cuStreamSynchronize = bind("cuStreamSynchronize");
  private final DriverFunction cuStreamWaitEvent = bind("cuStreamWaitEvent");
  private final DriverFunction cuEventCreate = bind("cuEventCreate");
  private final DriverFunction cuEventRecord = bind("cuEventRecord");
  private final DriverFunction cuEventSynchronize = bind("cuEventSynchronize");
  private final DriverFunction cuEventElapsedTime = bind("cuEventElapsedTime_v2",
      "cuEventElapsedTime");
  private final DriverFunction cuEventDestroy = bind("cuEventDestroy_v2");
  private final DriverFunction cuModuleLoadData = bind("cuModuleLoadData");
  private final DriverFunction cuModuleUnload = bind("cuModuleUnload");
  private final DriverFunction cuModuleGetFunction = bind("cuModuleGetFunction");
  private final DriverFunction cuFuncGetParamInfo = bind("cuFuncGetParamInfo");
  private final DriverFunction cuFuncSetAttribute = bind("cuFuncSetAttribute");
  private final DriverFunction cuFuncGetAttribute = bind("cuFuncGetAttribute");
  private final DriverFunction cuOccupancyMaxActiveBlocksPerMultiprocessor = bind(
      "cuOccupancyMaxActiveBlocksPerMultiprocessor");
  private final DriverFunction cuLaunchKernel = bind("cuLaunchKernel");
  private final DriverFunction cuLaunchKernelEx = bind("cuLaunchKernelEx");
  private final DriverFunction cuStreamBeginCapture = bind("cuStreamBeginCapture_v2");
  private final DriverFunction cuStreamEndCapture = bind("cuStreamEndCapture");
  private final DriverFunction cuGraphInstantiateWithFlags = bind("cuGraphInstantiateWithFlags");
  private final DriverFunction cuGraphLaunch = bind("cuGraphLaunch");
  private final DriverFunction cuGraphExecDestroy = bind("cuGraphExecDestroy");
  private final DriverFunction cuGraphDestroy = bind("cuGraphDestroy");

  /**
   * The functions as {@code library} has them.
   *
   * @throws InputException if one is missing; the message names it and the driver that has it
   */
  public CudaDriver(SymbolLookup library) {
    super(library);
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
}
