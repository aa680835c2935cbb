package io.pariskv.cache;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Step;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Outputs;
import io.pariskv.testing.Passes;
import io.pariskv.testing.Seeded;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
class CachePoolTest {
  private static final String BACKENDS = "io.pariskv.testing.TestBackends#all";
  private static final KvShape SHAPE = new KvShape(2, 4, 2, 32, DType.BF16);
  private static final AttentionMethod METHOD = new ParisKv(
      new ParisKvConfig(2, 4, 4, 10, new RetrievalBudget(3, null, null)));

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void closedSequence_givesItsMemoryAndItsPlaceBack(Backend backend) {
    try (CachePool pool = new CachePool(backend, SHAPE, METHOD, 2)) {
      Passes passes = new Passes(pool);
      long empty = pool.bytes();
      try (KvCache first = pool.open(); KvCache second = pool.open()) {
        passes.prefill(first, "a", 30);
        passes.prefill(second, "b", 30);
        assertTrue(pool.bytes() > empty);
        assertRefused(IllegalStateException.class, pool::open, "all 2 sequences are open");
      }
      assertEquals(empty, pool.bytes());
      assertEquals(SHAPE, pool.shape());
      assertEquals("pariskv", pool.method().name());
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void cacheOutlivingItsPool_closesQuietly_andTwice(Backend backend) {
    CachePool pool = new CachePool(backend, SHAPE, METHOD, 1);
    KvCache cache = pool.open();
    DecodeBatch step = cache.step();
    new Passes(pool).prefill(cache, "a", 30);
    step.prepare();

    pool.close();
    pool.close();
    step.close();
    cache.close();
    cache.close();

    assertEquals(30, cache.length());
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void closedCache_refusesWork(Backend backend) {
    try (CachePool pool = new CachePool(backend, SHAPE, METHOD, 1)) {
      KvCache cache = pool.open();
      DecodeBatch step = cache.step();
      cache.close();

      assertRefused(IllegalStateException.class, () -> cache.prefill(1).close(), "closed");
      assertRefused(IllegalStateException.class, () -> cache.step().close(), "closed");
      assertRefused(IllegalStateException.class, step::prepare, "closed");
      step.close();
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void passThatIsNotCommitted_leavesNoTrace(Backend backend) {
    try (CachePool pool = new CachePool(backend, SHAPE, METHOD, 1); KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(cache, "a", 30);
      TokenZones before = cache.zones();
      try (Rows chunk = cache.prefill(5)) {
        chunk.begin();
      }
      try (DecodeBatch step = cache.step()) {
        step.prepare();
        step.begin();
        step.prepare(); // once more from the start
        step.begin();
      }
      assertEquals(before, cache.zones());

      float[] after = passes.step(cache, "a");

      try (CachePool fresh = new CachePool(backend, SHAPE, METHOD, 1);
          KvCache other = fresh.open()) {
        Passes clean = new Passes(fresh);
        clean.prefill(other, "a", 30);
        Outputs.assertRepeated(clean.step(other, "a"), after);
      }
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void chunks_makeRoomForTheNext_asFarAsTokensAreExpected(Backend backend) {
    try (CachePool pool = new CachePool(backend, SHAPE, METHOD, 1); KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(cache, "a", 10);
      assertEquals(1024, pool.kv().capacity(cache.slot()));
      cache.expect(2060);
      passes.prefill(cache, "a", 1020);
      assertEquals(3072, pool.kv().capacity(cache.slot())); // 1,030 and 1,020 tokens
      passes.prefill(cache, "a", 1040);
      assertEquals(2070, cache.length());
      assertEquals(3072, pool.kv().capacity(cache.slot()));
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void passesOutOfOrder_areRefused(Backend backend) {
    try (CachePool pool = new CachePool(backend, SHAPE, METHOD, 1);
        KvCache cache = pool.open();
        Rows early = cache.prefill(3);
        Rows late = cache.prefill(3);
        DecodeBatch step = cache.step()) {
      early.begin();
      early.commit();

      assertRefused(IllegalStateException.class, late::commit, "began at 0", "committed at 3");
      assertRefused(IllegalStateException.class, step::commit, "not prepared");
      assertRefused(IllegalArgumentException.class, () -> cache.prefill(0).close(), "0 tokens");
      try (Rows chunk = cache.prefill(3); Buffers buffers = new Buffers(backend)) {
        Buffer rows = buffers.empty(DType.F32, 3, SHAPE.kvHeads(), SHAPE.headDim());
        chunk.begin();
        chunk.append(0, rows, rows);
        assertRefused(IllegalStateException.class, () -> chunk.append(0, rows, rows), "layer 0",
            "layer 1 is next");
      }
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void batch_needsDifferentCachesOfOnePool(Backend backend) {
    try (CachePool pool = new CachePool(backend, SHAPE, METHOD, 2);
        CachePool other = new CachePool(backend, SHAPE, new FullAttention(), 1);
        KvCache cache = pool.open();
        KvCache foreign = other.open()) {
      for (List<KvCache> wrong : List.of(List.<KvCache>of(), List.of(cache, cache),
          List.of(cache, foreign))) {
        assertThrows(IllegalArgumentException.class, () -> pool.batch(wrong).close());
      }
    }
  }

  /** What an engine with recorded steps does: record when the number changes, run otherwise. */
  @ParameterizedTest
  @MethodSource(BACKENDS)
  void prepare_saysWhenAStepMustBeRecordedAgain(Backend backend) {
    try (CachePool pool = new CachePool(backend, SHAPE, METHOD, 1);
        KvCache cache = pool.open();
        DecodeBatch batch = cache.step()) {
      new Passes(pool).prefill(cache, "a", 5);
      List<Long> numbers = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        numbers.add(batch.prepare());
        Step step = backend.record(batch::begin);
        step.run();
        batch.commit();
      }
      assertEquals(25, cache.length());
      assertEquals(2, numbers.stream().distinct().count(), "once dense, once sparse: " + numbers);
    }
  }
}
