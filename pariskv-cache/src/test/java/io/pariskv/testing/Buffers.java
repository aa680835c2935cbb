package io.pariskv.testing;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;

/** Arrays to and from buffers that a backend's stages can read. Closing frees the buffers. */
public final class Buffers implements AutoCloseable {
  private final Backend backend;
  private final Allocator memory;

  /** Buffers for {@code backend}. */
  public Buffers(Backend backend) {
    this.backend = backend;
    this.memory = backend.newAllocator();
  }

  /** A buffer of zeros. */
  public Buffer empty(DType dtype, long... shape) {
    return memory.allocate(dtype, shape);
  }

  /** An f32 buffer of {@code values}. */
  public Buffer of(float[] values, long... shape) {
    return upload(MemorySegment.ofArray(values), DType.F32, shape);
  }

  /** An i32 buffer of {@code values}. */
  public Buffer of(int[] values, long... shape) {
    return upload(MemorySegment.ofArray(values), DType.I32, shape);
  }

  /** A u8 buffer of {@code values}. */
  public Buffer of(byte[] values, long... shape) {
    return upload(MemorySegment.ofArray(values), DType.U8, shape);
  }

  /** A buffer in host memory, where the backend can read it. */
  public Buffer place(Buffer host) {
    return backend.place(host, memory);
  }

  private Buffer upload(MemorySegment values, DType dtype, long... shape) {
    Buffer buffer = memory.allocate(dtype, shape);
    backend.upload(values, buffer);
    return buffer;
  }

  /** The elements of an f32 buffer. */
  public float[] floats(Buffer buffer) {
    float[] values = new float[Math.toIntExact(buffer.shape().elements())];
    backend.download(buffer.require("f32", DType.F32, axes(buffer)), MemorySegment.ofArray(values));
    return values;
  }

  /** The elements of an i32 buffer. */
  public int[] ints(Buffer buffer) {
    int[] values = new int[Math.toIntExact(buffer.shape().elements())];
    backend.download(buffer.require("i32", DType.I32, axes(buffer)), MemorySegment.ofArray(values));
    return values;
  }

  /** The elements of a u8 buffer. */
  public byte[] bytes(Buffer buffer) {
    byte[] values = new byte[Math.toIntExact(buffer.shape().elements())];
    backend.download(buffer.require("u8", DType.U8, axes(buffer)), MemorySegment.ofArray(values));
    return values;
  }

  private static long[] axes(Buffer buffer) {
    long[] axes = new long[buffer.shape().rank()];
    for (int i = 0; i < axes.length; i++) {
      axes[i] = buffer.shape().axis(i);
    }
    return axes;
  }

  @Override
  public void close() {
    memory.close();
  }
}
