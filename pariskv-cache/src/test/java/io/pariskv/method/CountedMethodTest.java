package io.pariskv.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.retrieve.ContextBins;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.testing.Outputs;
import io.pariskv.testing.Passes;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.TestBackends;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a counted method tells, and that it attends as the other one. */
@Seeded
class CountedMethodTest {
  /** Three layers, the middle one with a sliding window. */
  private static final KvShape SHAPE = new KvShape(3, 6, 2, 32, DType.BF16, List.of(0, 20, 0));

  private static final int SINK = 4;
  private static final int K = 24;
  private static final ZoneSettings ZONES = new ZoneSettings(SINK, 8, 16, 50);

  /** @param heads that have a selection of their own, in all layers together */
  record Selecting(AttentionMethod method, int heads) {
  }

  static Stream<Arguments> selecting() {
    RetrievalBudget budget = new RetrievalBudget(K, 1.0, 0.5);
    return TestBackends.with(Stream.of(
        new Selecting(new ParisKv(new ParisKvConfig(SINK, 8, 16, 50, budget)), 4),
        new Selecting(new ExactTopK(ZONES, K, Grouping.PER_HEAD), 4),
        new Selecting(new Quest(null, 2 * K, 8, 1, Grouping.PER_HEAD), 6)));
  }

  private static SelectedPlaces places(KvCache cache) {
    SelectedPlaces places = cache.selectedPlaces();
    assertNotNull(places);
    return places;
  }

  @ParameterizedTest
  @MethodSource("selecting")
  void countedSteps_attendAsUncounted(Backend backend, Selecting of) {
    Outputs.assertRepeated(Outputs.of(backend, SHAPE, of.method, 300, 20),
        Outputs.of(backend, SHAPE, new CountedMethod(of.method), 300, 20));
  }

  @ParameterizedTest
  @MethodSource("selecting")
  void everyKeyOfEveryHead_isCountedWhereItLies(Backend backend, Selecting of) {
    try (CachePool pool = new CachePool(backend, SHAPE, new CountedMethod(of.method), 2);
        KvCache other = pool.open();
        KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(other, "other", 30);
      passes.prefill(cache, "sequence", 300);
      assertEquals(0, places(cache).steps());
      try (DecodeBatch batch = pool.batch(List.of(other, cache))) {
        for (int step = 1; step <= 40; step++) {
          TokenZones zones = cache.zones();
          passes.step(batch, List.of("other", "sequence"));
          SelectedPlaces places = places(cache);
          assertEquals(step, places.steps());
          int[] last = places.latest().getLast();
          assertEquals(keys(of) * of.heads, IntStream.of(last).sum());
          int width = places.binTokens();
          assertEquals(0, sum(last, 0, zones.sinkEnd() / width));
          assertEquals(0, sum(last, zones.recentStart() / width + 1, last.length));
          assertEquals(Math.min(step, ContextBins.STEPS - 1), places.latest().size());
        }
      }
      SelectedPlaces places = places(cache);
      assertEquals(40L * keys(of) * of.heads, Arrays.stream(places.sums()).sum());
      places.latest().forEach(
          row -> assertEquals(keys(of) * of.heads, IntStream.of(row).sum(), "in each step"));
      passes.prefill(cache, "sequence", 1);
      assertEquals(0, places(cache).steps());
      passes.step(cache, "sequence");
      assertEquals((long) keys(of) * of.heads, Arrays.stream(places(cache).sums()).sum());
    }
  }

  private static int keys(Selecting of) {
    return of.method instanceof Quest ? 2 * K - 8 : K; // its last page is attended as it is
  }

  private static int sum(int[] row, int from, int to) {
    return IntStream.range(from, to).map(bin -> row[bin]).sum();
  }

  @ParameterizedTest
  @MethodSource("selecting")
  void contextThatOutgrowsItsBins_hasTheSameCountsInWiderOnes(Backend backend, Selecting of) {
    try (CachePool pool = new CachePool(backend, SHAPE, new CountedMethod(of.method), 1);
        KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(cache, "sequence", 210); // 256 bins of one
      SelectedPlaces before = null;
      for (int step = 1; step <= 60; step++) {
        passes.step(cache, "sequence");
        SelectedPlaces places = places(cache);
        assertEquals(cache.length() > ContextBins.BINS ? 2 : 1, places.binTokens());
        assertEquals((long) step * keys(of) * of.heads, Arrays.stream(places.sums()).sum());
        if (before != null && places.binTokens() > before.binTokens()) {
          int[] last = before.latest().getLast();
          int[] paired = IntStream.range(0, ContextBins.BINS)
              .map(bin -> bin < ContextBins.BINS / 2 ? last[2 * bin] + last[2 * bin + 1] : 0)
              .toArray();
          assertArrayEquals(paired, places.latest().get(places.latest().size() - 2));
        }
        before = places;
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void methodThatSelectsNothing_countsNothing_andAnUncountedOneTellsNothing(Backend backend) {
    for (AttentionMethod method : List.of(new FullAttention(), new WindowAttention(ZONES))) {
      try (CachePool pool = new CachePool(backend, SHAPE, new CountedMethod(method), 1);
          KvCache cache = pool.open()) {
        Passes passes = new Passes(pool);
        passes.prefill(cache, "sequence", 100);
        passes.step(cache, "sequence");
        assertEquals(1, places(cache).steps());
        assertEquals(0, Arrays.stream(places(cache).sums()).sum());
      }
      try (CachePool pool = new CachePool(backend, SHAPE, method, 1);
          KvCache cache = pool.open()) {
        assertNull(cache.selectedPlaces());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void plan_coversTheCounts(Backend backend) {
    CountedMethod method = new CountedMethod(new FullAttention());
    MemoryPlan plan = method.plan(MemoryPlan.empty(), SHAPE, 3, 100);
    try (CachePool pool = new CachePool(backend, SHAPE, method, 3)) {
      assertEquals(pool.methodBytes(), plan.allocatedBytes());
      assertTrue(plan.toString().contains("counts of selected keys"), plan::toString);
    }
  }
}
