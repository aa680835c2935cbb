package io.pariskv.backend.vector;

import io.pariskv.layer.RandomFill;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.ValueLayout;

/** {@link RandomFill} on all cores, without vectors: only weights are filled, and only once. */
final class VectorRandomFill implements RandomFill {
  /** Elements that one task does at least; a multiple of what a cache line holds. */
  private static final int BLOCK = 1 << 16;

  private final Workers workers;

  VectorRandomFill(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void fill(Buffer target, long seed, float deviation) {
    float scale = RandomFill.scale(deviation);
    DType dtype = RandomFill.requireFloats(target);
    long count = target.shape().elements();
    int blocks = Math.toIntExact(Math.ceilDiv(count, (long) BLOCK));
    long address = target.segment().address();
    Ranges.run(workers, blocks, BLOCK, (from, to) -> {
      long end = Math.min((long) to * BLOCK, count);
      for (long i = (long) from * BLOCK; i < end; i++) {
        float value = RandomFill.value(seed, i, scale);
        if (dtype == DType.F32) {
          Raw.setFloat(address + 4 * i, value);
        } else {
          Raw.ALL.set(ValueLayout.JAVA_SHORT_UNALIGNED, address + 2 * i, Bf16.fromFloat(value));
        }
      }
    });
  }
}
