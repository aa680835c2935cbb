package io.pariskv.memory;

/**
 * How much can still be allocated.
 *
 * @param hostBytes of host memory
 * @param gpuBytes of the GPU's memory; 0 without one
 */
public record AvailableMemory(long hostBytes, long gpuBytes) {

  /** Nothing. */
  public static final AvailableMemory NONE = new AvailableMemory(0, 0);

  /** Both together. */
  public AvailableMemory plus(AvailableMemory other) {
    return new AvailableMemory(hostBytes + other.hostBytes, gpuBytes + other.gpuBytes);
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
