package io.pariskv.backend.scalar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.cache.Rows;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ScalarBackendTest {
  private static final KvShape SHAPE = new KvShape(1, 4, 2, 32, DType.F32);

  @Test
  void retrievingEverything_attendsLikeFullAttention() {
    ParisKvConfig all = new ParisKvConfig(4, 8, 16, 0, new RetrievalBudget(1_000, 1.0, 1.0));

    float[] sparse = outputs(new ParisKv(all));

    assertArrayEquals(outputs(new FullAttention()), sparse, 2e-5f);
  }

  /** Attention outputs of 40 steps after a prompt of 100 tokens, the same for every method. */
  private static float[] outputs(AttentionMethod method) {
    Random random = new Random(7);
    int steps = 40;
    float[] outputs = new float[steps * SHAPE.heads() * SHAPE.headDim()];
    try (Backend backend = new ScalarBackend();
        Allocator memory = backend.newAllocator();
        CachePool pool = new CachePool(backend, SHAPE, method, 1);
        KvCache cache = pool.open()) {
      try (Rows prompt = cache.prefill(100)) {
        pass(prompt, memory, random);
      }
      try (DecodeBatch step = cache.step()) {
        for (int i = 0; i < steps; i++) {
          step.prepare();
          float[] out = pass(step, memory, random).segment().toArray(ValueLayout.JAVA_FLOAT);
          System.arraycopy(out, 0, outputs, i * out.length, out.length);
        }
      }
      assertEquals(140, cache.length());
    }
    return outputs;
  }

  private static Buffer pass(Rows rows, Allocator memory, Random random) {
    int count = rows.batch().rows();
    Buffer out = memory.allocate(DType.F32, count, SHAPE.heads(), SHAPE.headDim());
    rows.begin();
    rows.append(0, random(memory, random, count, SHAPE.kvHeads()),
        random(memory, random, count, SHAPE.kvHeads()));
    rows.attend(0, random(memory, random, count, SHAPE.heads()), out);
    rows.commit();
    return out;
  }

  private static Buffer random(Allocator memory, Random random, int rows, int heads) {
    Buffer buffer = memory.allocate(DType.F32, rows, heads, SHAPE.headDim());
    for (int i = 0; i < buffer.shape().elements(); i++) {
      buffer.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return buffer;
  }
}
