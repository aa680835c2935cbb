package io.pariskv.cache;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.error.InputException;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ExactTopK;
import io.pariskv.method.FullAttention;
import io.pariskv.method.MethodState;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.Quest;
import io.pariskv.method.WindowAttention;
import io.pariskv.method.ZoneSettings;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.testing.Outputs;
import io.pariskv.testing.Passes;
import io.pariskv.testing.Seeded;
import java.lang.reflect.Proxy;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A pool whose sequences are attended by one method after another. */
@Seeded
class ChangedMethodTest {
  private static final String BACKENDS = "io.pariskv.testing.TestBackends#all";
  private static final KvShape SHAPE = new KvShape(2, 4, 2, 32, DType.BF16);
  private static final ZoneSettings ZONES = new ZoneSettings(3, 5, 4, 10);
  private static final AttentionMethod FULL = new FullAttention();
  private static final AttentionMethod SPARSE = new ParisKv(
      new ParisKvConfig(2, 4, 4, 10, new RetrievalBudget(3, null, null)));

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void everyMethod_attendsAsInAPoolOfItsOwn(Backend backend) {
    try (CachePool pool = new CachePool(backend, SHAPE, FULL, 2);
        KvCache first = pool.open();
        KvCache second = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(first, "a", 1030);
      passes.prefill(second, "b", 7);
      for (AttentionMethod method : List.of(SPARSE, FULL, new ExactTopK(ZONES, 3, Grouping.MEAN),
          new Quest(null, 16, 8, 1, Grouping.PER_HEAD), new WindowAttention(ZONES), SPARSE)) {
        first.truncate(1030);
        second.truncate(7);
        pool.use(method);
        try (CachePool own = new CachePool(backend, SHAPE, method, 2);
            KvCache alone = own.open();
            KvCache other = own.open()) {
          Passes clean = new Passes(own);
          clean.prefill(alone, "a", 1030);
          clean.prefill(other, "b", 7);
          assertEquals(alone.zones(), first.zones());
          for (int token = 0; token < 6; token++) {
            Outputs.assertRepeated(clean.step(alone, "a"), passes.step(first, "a"));
            Outputs.assertRepeated(clean.step(other, "b"), passes.step(second, "b"));
          }
          assertEquals(own.methodBytes() > 0, pool.methodBytes() > 0);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void openDecodeBatch_isRefused(Backend backend) {
    try (CachePool pool = new CachePool(backend, SHAPE, FULL, 1); KvCache cache = pool.open()) {
      DecodeBatch batch = cache.step();
      assertRefused(IllegalStateException.class, () -> pool.use(SPARSE), "full", "pariskv",
          "1 decode batches");
      batch.close();
      batch.close();
      pool.use(SPARSE);
      assertEquals(SPARSE, pool.method());
    }
  }

  /** Fails as soon as it has to summarise something. */
  private record Failing() implements AttentionMethod {
    @Override
    public String name() {
      return "failing";
    }

    @Override
    public void check(KvShape shape) {
      // any
    }

    @Override
    public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
      return plan;
    }

    @Override
    public MethodState open(Backend backend, KvStore kv) {
      return (MethodState) Proxy.newProxyInstance(MethodState.class.getClassLoader(),
          new Class<?>[]{MethodState.class}, (_, method, _) -> {
            if (method.getName().equals("truncated")) {
              throw new IllegalStateException("cannot summarise");
            }
            return null;
          });
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void methodThatFails_leavesThePoolAsItWas(Backend backend) {
    try (CachePool pool = new CachePool(backend, SHAPE, SPARSE, 1);
        KvCache cache = pool.open();
        CachePool own = new CachePool(backend, SHAPE, SPARSE, 1);
        KvCache alone = own.open()) {
      Passes passes = new Passes(pool);
      Passes clean = new Passes(own);
      passes.prefill(cache, "a", 50);
      clean.prefill(alone, "a", 50);
      assertRefused(IllegalStateException.class, () -> pool.use(new Failing()), "cannot");
      assertEquals(SPARSE, pool.method());
      Outputs.assertRepeated(clean.step(alone, "a"), passes.step(cache, "a"));
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void geometryThatAMethodCannotServe_isRefused(Backend backend) {
    KvShape odd = new KvShape(1, 2, 1, 24, DType.BF16);
    try (CachePool pool = new CachePool(backend, odd, FULL, 1)) {
      assertRefused(InputException.class, () -> pool.use(SPARSE), "24");
      assertEquals(FULL, pool.method());
    }
  }
}
