package io.pariskv.testing;

import io.pariskv.backend.Backend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.KvCache;
import io.pariskv.kv.KvShape;
import io.pariskv.method.AttentionMethod;
import java.util.ArrayList;
import java.util.List;

/** What holds of every method that selects, whatever it selects by. */
public final class MethodChecks {
  private static final float TOLERANCE = 2e-5f;

  private MethodChecks() {
  }

  /** A prompt of 123 tokens in chunks, and three steps, attend as the prompt at once. */
  public static void promptInChunksEqualsPromptAtOnce(Backend backend, KvShape shape,
      AttentionMethod method) {
    List<float[]> whole = Outputs.of(backend, shape, method, 123, 3);
    List<float[]> parts = new ArrayList<>();
    try (CachePool pool = new CachePool(backend, shape, method, 1); KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      for (int chunk : new int[]{1, 48, 1, 1, 12, 60}) { // with zones that begin at 50, 49 is dense
        parts.addAll(passes.prefill(cache, "sequence", chunk));
      }
      steps(passes, cache, 3, parts);
    }
    Outputs.assertSame(whole, parts, TOLERANCE);
  }

  /**
   * Chunks that are given up after some layer, before and between others, leave nothing of theirs.
   *
   * @param last tokens of chunks that are given up behind the prompt
   */
  public static void chunksGivenUpLeaveNoTrace(Backend backend, KvShape shape,
      AttentionMethod method, int... last) {
    List<List<float[]>> both = new ArrayList<>();
    for (boolean giveUp : new boolean[]{false, true}) {
      try (CachePool pool = new CachePool(backend, shape, method, 1); KvCache cache = pool.open()) {
        Passes passes = new Passes(pool);
        List<float[]> outputs = new ArrayList<>();
        for (int chunk : new int[]{40, 260, 750, 30}) { // dense, sparse, over the end of a slab
          for (int layer = 0; giveUp && layer < shape.layers(); layer++) {
            passes.giveUp(cache, "another", chunk + 70 * layer, layer);
          }
          outputs.addAll(passes.prefill(cache, "sequence", chunk));
          outputs.add(passes.step(cache, "sequence"));
        }
        for (int chunk : giveUp ? last : new int[0]) {
          passes.giveUp(cache, "another", chunk, 0);
        }
        steps(passes, cache, 20, outputs);
        both.add(outputs);
      }
    }
    Outputs.assertSame(both.getFirst(), both.getLast(), TOLERANCE);
  }

  /** Chunks that are given up between steps do not change what was made of the prompt. */
  public static void chunksGivenUpBetweenStepsLeaveNoTrace(Backend backend, KvShape shape,
      AttentionMethod method) {
    List<List<float[]>> both = new ArrayList<>();
    for (boolean giveUp : new boolean[]{false, true}) {
      try (CachePool pool = new CachePool(backend, shape, method, 1); KvCache cache = pool.open()) {
        Passes passes = new Passes(pool);
        List<float[]> outputs = new ArrayList<>();
        passes.prefill(cache, "sequence", 150);
        for (int i = 0; i < 20; i++) {
          outputs.add(passes.step(cache, "sequence"));
          if (giveUp && i % 5 == 0) {
            passes.giveUp(cache, "another", 300, i % 3);
          }
        }
        both.add(outputs);
      }
    }
    Outputs.assertSame(both.getFirst(), both.getLast(), TOLERANCE);
  }

  /** A conversation of which turns were taken back, in a prompt's and in an answer's middle, goes on as its prompt. */
  public static void turnsEqualTheirPromptAtOnce(Backend backend, KvShape shape,
      AttentionMethod method) {
    List<float[]> turns = new ArrayList<>();
    try (CachePool pool = new CachePool(backend, shape, method, 1); KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      cache.expect(1_000);
      passes.prefill(cache, "sequence", 900);
      passes.prefill(cache, "another", 100);
      steps(passes, cache, "another", 30);
      cache.truncate(900);
      passes.prefill(cache, "sequence", 200);
      steps(passes, cache, "another", 10);
      cache.truncate(1_090);
      passes.prefill(cache, "sequence", 10);
      steps(passes, cache, 5, turns);
    }
    List<float[]> whole = Outputs.of(backend, shape, method, 1_100, 5);

    Outputs.assertSame(whole.subList(1_100, 1_105), turns, TOLERANCE);
  }

  private static void steps(Passes passes, KvCache cache, int steps, List<float[]> outputs) {
    for (int i = 0; i < steps; i++) {
      outputs.add(passes.step(cache, "sequence"));
    }
  }

  private static void steps(Passes passes, KvCache cache, String name, int steps) {
    for (int i = 0; i < steps; i++) {
      passes.step(cache, name);
    }
  }
}
