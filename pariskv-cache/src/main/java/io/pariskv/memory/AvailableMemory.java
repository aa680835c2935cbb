package io.pariskv.memory;

/**
 * How much memory is free, and how much of it a plan must leave free.
 *
 * <p>What a plan leaves is there for what no plan counts: the system, the Java heap, kernels that are loaded when
 * first used. Some of it is gone when the next check comes, which therefore asks for {@linkplain #laterOn half of
 * it}: what fitted once is not refused later for the same reason.
 *
 * @param hostBytes free host memory
 * @param gpuBytes free memory of the GPU; 0 without one
 * @param hostRoom how much of the host's a plan leaves
 * @param gpuRoom how much of the GPU's a plan leaves
 */
public record AvailableMemory(long hostBytes, long gpuBytes, long hostRoom, long gpuRoom) {

  /** Nothing. */
  public static final AvailableMemory NONE = new AvailableMemory(0, 0);

  /** All of it may be taken. */
  public AvailableMemory(long hostBytes, long gpuBytes) {
    this(hostBytes, gpuBytes, 0, 0);
  }

  /** Both together. */
  public AvailableMemory plus(AvailableMemory other) {
    return new AvailableMemory(hostBytes + other.hostBytes, gpuBytes + other.gpuBytes,
        hostRoom + other.hostRoom, gpuRoom + other.gpuRoom);
  }

  /** The same for a check after one that left all the room. */
  public AvailableMemory laterOn() {
    return new AvailableMemory(hostBytes, gpuBytes, hostRoom / 2, gpuRoom / 2);
  }

  /** Bytes of host memory that a plan may take. */
  public long hostForPlans() {
    return Math.max(0, hostBytes - hostRoom);
  }

  /** Bytes of the GPU's memory that a plan may take. */
  public long gpuForPlans() {
    return Math.max(0, gpuBytes - gpuRoom);
  }

  /** {@code bytes} of one place: what can be had there again, if it was held. */
  public static AvailableMemory of(MemoryPlace place, long bytes) {
    return switch (place) {
      case MAPPED -> NONE;
      case HOST, PINNED -> new AvailableMemory(bytes, 0);
      case GPU -> new AvailableMemory(0, bytes);
    };
  }
}
