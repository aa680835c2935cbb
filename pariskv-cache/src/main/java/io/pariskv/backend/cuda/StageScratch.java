package io.pariskv.backend.cuda;

import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * Scratch memory of one stage, zeros at first. It grows by a new buffer, at least twice as large; the old one
 * stays until the context closes, since a captured graph may still use it.
 */
final class StageScratch {
  private final Allocator memory;
  private final DType dtype;
  private Buffer buffer;

  StageScratch(Kernels kernels, DType dtype) {
    this.memory = new DeviceAllocator(kernels.stream()); // closed by the context
    this.dtype = dtype;
    this.buffer = memory.allocate(dtype, 0);
  }

  /**
   * At least {@code elements} elements, with what the stage left there, or zeros after it grew.
   *
   * @throws IllegalStateException if it must grow while a step is being captured
   */
  Buffer atLeast(long elements) {
    long size = buffer.shape().axis(0);
    if (size < elements) {
      buffer = memory.allocate(dtype, Math.max(elements, 2 * size));
    }
    return buffer;
  }
}
