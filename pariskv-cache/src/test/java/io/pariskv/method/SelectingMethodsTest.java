package io.pariskv.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.testing.MethodChecks;
import io.pariskv.backend.Backend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.SimHash;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Outputs;
import io.pariskv.testing.Passes;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.TestBackends;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What every method that attends a part of the context must hold. */
@Seeded
@Tag("stages")
class SelectingMethodsTest {
  /** Three layers, the middle one with a sliding window. */
  private static final KvShape SHAPE = new KvShape(3, 6, 2, 32, DType.BF16, List.of(0, 20, 0));

  private static final int SINK = 4;
  private static final int LOCAL = 8;
  private static final int INTERVAL = 16;
  private static final ZoneSettings ZONES = new ZoneSettings(SINK, LOCAL, INTERVAL, 50);
  private static final int EVERYTHING = 1 << 20;

  private static List<AttentionMethod> withBudget(int k) {
    return List.of(new ExactTopK(ZONES, k, Grouping.MEAN),
        new ExactTopK(ZONES, k, Grouping.PER_HEAD), new Quest(ZONES, k, 8, 0, Grouping.PER_HEAD),
        new Quest(ZONES, k, 8, 0, Grouping.MEAN), new Quest(null, k, 8, 1, Grouping.PER_HEAD),
        new PqCache(new PqBudget.Tokens(ZONES, k), new ProductQuantizer(2, 4)),
        new PqCache(new PqBudget.Tokens(ZONES, k), new ProductQuantizer(8, 5)),
        new MagicPig(ZONES, tables(k), true, 0), new MagicPig(ZONES, tables(k), true, 5));
  }

  /** With 128 tables of one bit all keys are sampled, and are sure to be; with few of several bits about an eighth. */
  private static SimHash tables(int k) {
    return k == EVERYTHING ? new SimHash(1, 128) : new SimHash(4, 10);
  }

  static Stream<Arguments> unlimited() {
    return TestBackends.with(Stream.concat(withBudget(EVERYTHING).stream(),
        Stream.of(new WindowAttention(new ZoneSettings(0, EVERYTHING, 1, 0)))));
  }

  static Stream<Arguments> few() {
    return TestBackends.with(
        Stream.concat(withBudget(24).stream(), Stream.of(new WindowAttention(ZONES))));
  }

  @ParameterizedTest
  @MethodSource("unlimited")
  void withABudgetAboveTheContext_equalsFullAttention(Backend backend, AttentionMethod method) {
    List<float[]> full = Outputs.full(backend, SHAPE, 1_100, 40);

    Outputs.assertSame(full, Outputs.of(backend, SHAPE, method, 1_100, 40), 5e-5f);
  }

  @ParameterizedTest
  @MethodSource("few")
  void aSmallBudget_changesLayersThatSelect_andNoOthers(Backend backend, AttentionMethod method) {
    int width = SHAPE.heads() * SHAPE.headDim();
    float[] full = Outputs.full(backend, SHAPE, 200, 1).getLast();

    float[] few = Outputs.of(backend, SHAPE, method, 200, 1).getLast();

    boolean dense = method instanceof Quest quest && quest.denseLayers() > 0
        || method instanceof MagicPig pig && pig.denseEvery() > 0;
    Outputs.assertRepeated(Arrays.copyOfRange(full, width, 2 * width),
        Arrays.copyOfRange(few, width, 2 * width)); // the layer with the window
    double difference = 0;
    for (int i = 0; i < width; i++) {
      difference = Math.max(difference, Math.abs(full[2 * width + i] - few[2 * width + i]));
      if (dense) {
        assertEquals(full[i], few[i], 2e-5f);
      }
    }
    assertTrue(difference > 0.01, "the budget had no effect");
  }

  @ParameterizedTest
  @MethodSource("few")
  void promptInChunks_equalsPromptAtOnce(Backend backend, AttentionMethod method) {
    MethodChecks.promptInChunksEqualsPromptAtOnce(backend, SHAPE, method);
  }

  @ParameterizedTest
  @MethodSource("few")
  void chunksGivenUpBetweenLayers_leaveNoTrace(Backend backend, AttentionMethod method) {
    MethodChecks.chunksGivenUpLeaveNoTrace(backend, SHAPE, method);
  }

  @ParameterizedTest
  @MethodSource("few")
  void turnsOfAConversation_equalTheirPromptAtOnce(Backend backend, AttentionMethod method) {
    MethodChecks.turnsEqualTheirPromptAtOnce(backend, SHAPE, method);
  }

  @ParameterizedTest
  @MethodSource("few")
  void sequenceAfterAnother_inTheSameSlot_equalsTheFirst(Backend backend, AttentionMethod method) {
    try (CachePool pool = new CachePool(backend, SHAPE, method, 1)) {
      Passes passes = new Passes(pool);
      List<List<float[]>> both = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        try (KvCache cache = pool.open()) {
          List<float[]> outputs = new ArrayList<>(passes.prefill(cache, "a", 150));
          for (int step = 0; step < 20; step++) {
            outputs.add(passes.step(cache, "a"));
          }
          both.add(outputs);
        }
        try (KvCache cache = pool.open()) {
          passes.prefill(cache, "another", 400);
          passes.step(cache, "another");
        }
      }
      Outputs.assertRepeated(both.getFirst(), both.getLast());
    }
  }

  @ParameterizedTest
  @MethodSource("few")
  void batchOfDenseAndSparseSequences_equalsEachAlone(Backend backend, AttentionMethod method) {
    Outputs.assertBatchEqualsEachAlone(backend, SHAPE, method, 3, 90, 1_200);
  }

  @ParameterizedTest
  @MethodSource("few")
  void plan_coversWhatIsKept(Backend backend, AttentionMethod method) {
    int tokens = 1_100;
    MemoryPlan plan = method.plan(MemoryPlan.empty(), SHAPE, 1, tokens);
    try (CachePool pool = new CachePool(backend, SHAPE, method, 1); KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(cache, "sequence", tokens - 1);
      passes.step(cache, "sequence");

      assertTrue(pool.methodBytes() <= plan.allocatedBytes(),
          () -> pool.methodBytes() + " kept, planned " + plan);
      assertTrue(pool.methodBytes() >= 0.5 * plan.allocatedBytes(), // slabs, and zones rounded up
          () -> pool.methodBytes() + " kept, planned " + plan);
    }
    MemoryPlan largest = method.plan(MemoryPlan.empty(), SHAPE, 1, Integer.MAX_VALUE);
    assertTrue(largest.allocatedBytes() >= plan.allocatedBytes(), largest::toString);
  }

  @ParameterizedTest
  @MethodSource("few")
  void zonesOfTheSettings_slideAtTheInterval_andThoseOfReleasedQuestAtEveryPage(Backend backend,
      AttentionMethod method) {
    boolean pages = method instanceof Quest quest && quest.zones() == null;
    try (CachePool pool = new CachePool(backend, SHAPE, method, 1); KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(cache, "sequence", 60);
      for (int length = 60; length < 60 + INTERVAL; length++) {
        assertEquals(pages
            ? new TokenZones(0, length / 8 * 8, length)
            : new TokenZones(SINK, 60 - LOCAL, length), cache.zones());
        passes.step(cache, "sequence");
      }
      assertEquals(pages ? new TokenZones(0, 72, 76) : new TokenZones(SINK, 76 - LOCAL, 76),
          cache.zones());
    }
  }

  /** What was chosen can be asked for, also of ParisKV: as many as the budget says, of the zone, in order. */
  @ParameterizedTest
  @MethodSource("few")
  void selection_isWhatTheLastLayerChose_andNullWhereNothingIsChosen(Backend backend,
      AttentionMethod method) {
    ParisKv pariskv = new ParisKv(new ParisKvConfig(SINK, LOCAL, INTERVAL, 50,
        new RetrievalBudget(24, 1.0, 0.5)));
    for (AttentionMethod each : List.of(method, pariskv)) {
      try (CachePool pool = new CachePool(backend, SHAPE, each, 1); KvCache cache = pool.open()) {
        Passes passes = new Passes(pool);
        passes.prefill(cache, "sequence", 5);
        try (DecodeBatch batch = cache.step(); Buffers buffers = new Buffers(backend)) {
          passes.step(batch, List.of("sequence"));
          assertNull(batch.selection());
          passes.prefill(cache, "sequence", 295);
          passes.step(batch, List.of("sequence"));
          if (each instanceof WindowAttention) {
            assertNull(batch.selection());
            continue;
          }
          Selection selection = batch.selection();
          assertNotNull(selection);
          int[] counts = buffers.ints(selection.counts());
          int[] positions = buffers.ints(selection.positions());
          for (int head = 0; head < selection.heads(); head++) {
            int[] chosen = Arrays.copyOfRange(positions, head * selection.capacity(),
                head * selection.capacity() + counts[head]);
            assertTrue(counts[head] > 8 && counts[head] <= most(each),
                () -> Arrays.toString(counts));
            assertArrayEquals(IntStream.of(chosen).distinct().sorted().toArray(), chosen);
            assertTrue(chosen[0] >= 0 && chosen[chosen.length - 1] < 300);
          }
        }
      }
    }
  }

  /** Keys that are selected of 289; a sample has no budget. */
  private static int most(AttentionMethod method) {
    return method instanceof MagicPig ? 100 : 24;
  }
}
