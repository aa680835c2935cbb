package io.pariskv.testing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.kv.KvShape;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;

/** What sequences attend through a method, token by token, and how the outputs of two runs compare. */
public final class Outputs {
  /** Between ways to compute the same that add up in another order. */
  private static final float TOLERANCE = 2e-5f;

  /**
   * Between two runs of the same steps. They select the same keys exactly, but the Vector API leaves open in which order
   * lanes are added, and compiled code has another than the interpreter has: a score of 8 may be an ulp of 8 off, which
   * softmax hands on to the outputs.
   */
  private static final int ULPS = 16;

  private static final Map<List<Object>, List<float[]>> FULL = new ConcurrentHashMap<>();

  private Outputs() {
  }

  /** Those of full attention, which many methods are compared with and a backend computes once. */
  public static List<float[]> full(Backend backend, KvShape shape, int prompt, int steps) {
    return FULL.computeIfAbsent(List.of(backend.description(), shape, prompt, steps),
        key -> of(backend, shape, new FullAttention(), prompt, steps));
  }

  /** Those of a prompt in one chunk, and then of steps, of one sequence in a pool of its own. */
  public static List<float[]> of(Backend backend, KvShape shape, AttentionMethod method, int prompt,
      int steps) {
    try (CachePool pool = new CachePool(backend, shape, method, 1); KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      List<float[]> outputs = new ArrayList<>(passes.prefill(cache, "sequence", prompt));
      try (DecodeBatch batch = cache.step()) {
        for (int i = 0; i < steps; i++) {
          outputs.addAll(passes.step(batch, List.of("sequence")));
        }
      }
      return outputs;
    }
  }

  /** Requires the same outputs of the same tokens. */
  public static void assertSame(List<float[]> expected, List<float[]> actual, float tolerance) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      int token = i;
      assertArrayEquals(expected.get(i), actual.get(i), tolerance, () -> "token " + token);
    }
  }

  /** The same for two runs of the same steps: all but equal. */
  public static void assertRepeated(List<float[]> expected, List<float[]> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertRepeated(expected.get(i), actual.get(i));
    }
  }

  /** The same for one token, or some of its outputs. */
  public static void assertRepeated(float[] expected, float[] actual) {
    float largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertArrayEquals(expected, actual, ULPS * Math.ulp(largest));
  }

  /** Requires that 20 steps of sequences with these prompts attend together as each does alone. */
  public static void assertBatchEqualsEachAlone(Backend backend, KvShape shape,
      AttentionMethod method, int... prompts) {
    List<List<float[]>> together = new ArrayList<>();
    List<List<float[]>> alone = new ArrayList<>();
    List<String> names = IntStream.of(prompts).mapToObj(prompt -> "of " + prompt).toList();
    for (boolean batched : new boolean[]{true, false}) {
      try (CachePool pool = new CachePool(backend, shape, method, prompts.length)) {
        Passes passes = new Passes(pool);
        List<KvCache> caches = new ArrayList<>();
        for (int i = 0; i < prompts.length; i++) {
          caches.add(pool.open());
          passes.prefill(caches.get(i), names.get(i), prompts[i]);
        }
        for (int step = 0; step < 20; step++) {
          if (batched) {
            try (DecodeBatch batch = pool.batch(caches)) {
              together.add(passes.step(batch, names));
            }
          } else {
            List<float[]> outputs = new ArrayList<>();
            for (int i = 0; i < prompts.length; i++) {
              outputs.add(passes.step(caches.get(i), names.get(i)));
            }
            alone.add(outputs);
          }
        }
      }
    }
    for (int step = 0; step < together.size(); step++) {
      assertSame(alone.get(step), together.get(step), TOLERANCE);
    }
  }
}
