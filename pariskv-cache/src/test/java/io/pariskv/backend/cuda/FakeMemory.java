package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The memory of a {@link FakeDriver}: every access must lie in one allocation, copies wait for their stream. */
abstract class FakeMemory {
  long freeBytes = 1L << 32;
  long deviceOffset;

  private final TreeMap<Long, Block> allocations = new TreeMap<>();
  private final TreeMap<Long, Block> pinned = new TreeMap<>();
  private final TreeMap<Long, Long> registered = new TreeMap<>();

  private static final class Block {
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;

    Block(long bytes) {
      memory = arena.allocate(bytes, 256);
    }
  }

  /** Gives work to a stream. */
  abstract int enqueue(long handle, Runnable work);

  /** Waits for all streams, or fails while one is captured. */
  abstract int waitApart();

  /** Does all work of all streams. */
  abstract void finish();

  /** Adds what is not freed yet, in words. */
  final void leakMemory(List<String> left) {
    allocations.keySet().forEach(address -> left.add("device memory"));
    pinned.keySet().forEach(address -> left.add("pinned memory"));
    registered.keySet().forEach(address -> left.add("registration"));
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

  static MemorySegment out(MemorySegment pointer, long bytes) {
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

  static int giveText(MemorySegment pointer, int length, String text) {
    out(pointer, length).setString(0, text);
    return 0;
  }

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

  /** Bytes of device memory that is not freed yet. */
  long deviceBytes() {
    return allocations.values().stream().mapToLong(block -> block.memory.byteSize()).sum();
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
    finish();
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
    int waited = waitApart();
    if (waited != 0) {
      return waited;
    }
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
    int waited = waitApart();
    return waited != 0 ? waited : release(pinned, address);
  }
}
