package io.pariskv.bench;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

/** Seeded inputs of benchmarks and the comparison of their answers. */
final class Numbers {
  private static final int CHUNK = 1024;

  private Numbers() {
  }

  /** A buffer of numbers from -1 to 1. */
  static Buffer random(Allocator memory, long seed, DType type, long... shape) {
    Random random = new Random(seed);
    Buffer buffer = memory.allocate(type, shape);
    for (long i = 0; i < buffer.shape().elements(); i++) {
      float value = random.nextFloat() * 2 - 1;
      if (type == DType.BF16) {
        buffer.segment().setAtIndex(ValueLayout.JAVA_SHORT, i, Bf16.fromFloat(value));
      } else {
        buffer.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
      }
    }
    return buffer;
  }

  /** A buffer of integers. */
  static Buffer ints(Allocator memory, int... values) {
    Buffer buffer = memory.allocate(DType.I32, values.length);
    for (int i = 0; i < values.length; i++) {
      buffer.segment().setAtIndex(ValueLayout.JAVA_INT, i, values[i]);
    }
    return buffer;
  }

  /** Opens a sequence of {@code tokens} random tokens, dense zones, in layer 0; its slot. */
  static int sequence(Backend backend, Allocator memory, KvStore kv, int tokens) {
    int slot = kv.open();
    kv.reserve(slot, tokens);
    for (int from = 0; from < tokens; from += CHUNK) {
      int rows = Math.min(CHUNK, tokens - from);
      int start = from;
      int[] slots = new int[rows];
      Arrays.fill(slots, slot);
      Batch batch = new Batch(rows, ints(memory, slots),
          ints(memory, IntStream.range(start, start + rows).toArray()));
      long heads = kv.shape().kvHeads();
      backend.attention().append().append(kv, 0, batch,
          random(memory, from, DType.F32, rows, heads, kv.shape().headDim()),
          random(memory, ~from, DType.F32, rows, heads, kv.shape().headDim()));
    }
    kv.setZones(slot, TokenZones.dense(tokens));
    return slot;
  }

  /**
   * Checks an answer against the scalar backend's.
   *
   * @throws IllegalStateException if a number is off by more than 2e-5 of the largest
   */
  static void requireClose(Buffer expected, Buffer actual) {
    float[] a = expected.segment().toArray(ValueLayout.JAVA_FLOAT);
    float[] b = actual.segment().toArray(ValueLayout.JAVA_FLOAT);
    double scale = 0;
    for (float value : a) {
      scale = Math.max(scale, Math.abs(value));
    }
    for (int i = 0; i < a.length; i++) {
      if (!(Math.abs(a[i] - b[i]) <= 2e-5 * scale)) {
        throw new IllegalStateException("number " + i + " is " + b[i] + ", not " + a[i]);
      }
    }
  }
}
