package io.pariskv.cache;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.Quest;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.testing.Outputs;
import io.pariskv.testing.Passes;
import io.pariskv.testing.Seeded;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A sequence that takes its first tokens from another one goes on as if it had computed them. */
@Seeded
class CopiedPrefixTest {
  private static final String BACKENDS = "io.pariskv.testing.TestBackends#all";
  private static final AttentionMethod SPARSE = new ParisKv(
      new ParisKvConfig(2, 4, 4, 10, new RetrievalBudget(3, null, null)));

  /** Ends of chunks: before, at and behind the ends of slabs, of what a GPU keeps beside host memory, and of windows. */
  private static final int[] ENDS = {5, 130, 1023, 1025, 2300, 2301};

  private static void prefill(Passes passes, KvCache cache, int upTo) {
    for (int end : ENDS) {
      if (end <= upTo) {
        passes.prefill(cache, "a", end - cache.length());
      }
    }
  }

  private static void assertCopied(Backend backend, KvShape shape, AttentionMethod method) {
    try (CachePool pool = new CachePool(backend, shape, method, 3);
        KvCache source = pool.open();
        KvCache alone = pool.open();
        KvCache copy = pool.open()) {
      Passes passes = new Passes(pool);
      prefill(passes, source, 2301);
      passes.step(source, "a");
      prefill(passes, alone, 2300);
      for (int end : ENDS) {
        if (end <= 2300) {
          copy.appendFrom(source, end - copy.length());
        }
      }
      assertEquals(alone.zones(), copy.zones());
      Outputs.assertRepeated(passes.step(alone, "a"), passes.step(copy, "a"));
      source.truncate(100);
      Outputs.assertRepeated(passes.prefill(alone, "b", 9).getLast(),
          passes.prefill(copy, "b", 9).getLast());
      for (int token = 0; token < 6; token++) {
        Outputs.assertRepeated(passes.step(alone, "b"), passes.step(copy, "b"));
      }
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void copy_goesOnAsIfItHadBeenComputed(Backend backend) {
    KvShape shape = new KvShape(2, 4, 2, 32, DType.BF16, List.of(0, 7));
    for (AttentionMethod method : List.of(new FullAttention(), SPARSE,
        new Quest(null, 16, 8, 1, Grouping.PER_HEAD))) {
      assertCopied(backend, shape, method);
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void rowsOfAnyWidth_areCopied(Backend backend) {
    assertCopied(backend, new KvShape(1, 1, 1, 4, DType.F32), new FullAttention());
    assertCopied(backend, new KvShape(1, 3, 1, 20, DType.BF16), new FullAttention());
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void tokensThatTheOtherDoesNotHave_areRefused(Backend backend) {
    KvShape shape = new KvShape(1, 1, 1, 16, DType.BF16);
    try (CachePool pool = new CachePool(backend, shape, new FullAttention(), 2);
        CachePool elsewhere = new CachePool(backend, shape, new FullAttention(), 1);
        KvCache source = pool.open();
        KvCache copy = pool.open();
        KvCache other = elsewhere.open()) {
      new Passes(pool).prefill(source, "a", 20);
      assertRefused(IllegalArgumentException.class, () -> copy.appendFrom(source, 21), "0 to 20",
          "20 tokens");
      assertRefused(IllegalArgumentException.class, () -> other.appendFrom(source, 2),
          "another pool");
      assertEquals(0, copy.length());
      copy.appendFrom(source, 20);
      assertEquals(20, copy.length());
    }
  }
}
