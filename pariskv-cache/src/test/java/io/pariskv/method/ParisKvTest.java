package io.pariskv.method;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.testing.MethodChecks;
import io.pariskv.backend.Backend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.error.InputException;
import io.pariskv.index.Coarse;
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
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class ParisKvTest {
  private static final String BACKENDS = "io.pariskv.testing.TestBackends#all";
  private static final String KINDS = "backendsAndKinds";

  /** Three layers, the middle one with a sliding window. */
  private static final KvShape SHAPE = new KvShape(3, 6, 2, 32, DType.BF16, List.of(0, 20, 0));

  private static final RetrievalBudget ALL = new RetrievalBudget(1_000_000, 1.0, 0.5);
  private static final RetrievalBudget FEW = new RetrievalBudget(5, 0.5, 0.5);

  private static ParisKv method(RetrievalBudget budget) {
    return method(budget, new Kind(Coarse.TIERS, Grouping.MEAN, null));
  }

  private static ParisKv method(RetrievalBudget budget, Kind kind) {
    return new ParisKv(new ParisKvConfig(new ZoneSettings(4, 8, 16, 50),
        budget.withShare(kind.share), kind.coarse, kind.grouping));
  }

  /** How keys are retrieved. */
  record Kind(Coarse coarse, Grouping grouping, @Nullable Double share) {
    Kind withShare(@Nullable Double other) {
      return new Kind(coarse, grouping, other);
    }
  }

  static Stream<Arguments> backendsAndKinds() {
    return TestBackends.with(Stream.concat(
        Stream.of(Coarse.values()).flatMap(coarse -> Stream.of(Grouping.values())
            .map(grouping -> new Kind(coarse, grouping, null))),
        Stream.of(new Kind(Coarse.TIERS, Grouping.MEAN, 0.15),
            new Kind(Coarse.SCORES, Grouping.PER_HEAD, 0.15))));
  }

  @ParameterizedTest
  @MethodSource(KINDS)
  void retrievingEveryKey_equalsFullAttention(Backend backend, Kind kind) {
    // k is far above the zone; 40 steps cross the update interval twice
    List<float[]> full = Outputs.full(backend, SHAPE, 1_100, 40);

    Kind all = kind.withShare(kind.share == null ? null : 1.0);
    Outputs.assertSame(full, Outputs.of(backend, SHAPE, method(ALL, all), 1_100, 40), 5e-5f);
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void whileTheContextIsShort_equalsFullAttentionWhateverTheBudget(Backend backend) {
    List<float[]> full = Outputs.full(backend, SHAPE, 30, 20);

    Outputs.assertRepeated(full, Outputs.of(backend, SHAPE, method(FEW), 30, 20));
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void aSmallBudget_changesLayersThatSeeEverything_andNoSlidingWindow(Backend backend) {
    int width = SHAPE.heads() * SHAPE.headDim();
    float[] full = Outputs.full(backend, SHAPE, 200, 1).getLast();

    float[] few = Outputs.of(backend, SHAPE, method(FEW), 200, 1).getLast();

    Outputs.assertRepeated(Arrays.copyOfRange(full, width, 2 * width),
        Arrays.copyOfRange(few, width, 2 * width)); // the layer with the window
    double difference = 0;
    for (int i = 0; i < width; i++) {
      difference = Math.max(difference, Math.abs(full[i] - few[i]));
    }
    assertTrue(difference > 0.01, "the budget had no effect");
  }

  @ParameterizedTest
  @MethodSource(KINDS)
  void promptInChunks_equalsPromptAtOnce(Backend backend, Kind kind) {
    MethodChecks.promptInChunksEqualsPromptAtOnce(backend, SHAPE, method(FEW, kind));
  }

  /** Keys are summarised and counted layer by layer; those of a chunk that is given up must not stay, nor a centre. */
  @ParameterizedTest
  @MethodSource(KINDS)
  void chunksGivenUpBetweenLayers_leaveNoTrace(Backend backend, Kind kind) {
    MethodChecks.chunksGivenUpLeaveNoTrace(backend, SHAPE, method(FEW, kind),
        2_200); // longer than the rows that stay on a GPU
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void turnsOfAConversation_equalTheirPromptAtOnce(Backend backend) {
    MethodChecks.turnsEqualTheirPromptAtOnce(backend, SHAPE, method(FEW));
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void updateHappensExactlyAtTheInterval(Backend backend) {
    try (CachePool pool = new CachePool(backend, SHAPE, method(FEW), 1);
        KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(cache, "sequence", 60);
      assertEquals(new TokenZones(4, 52, 60), cache.zones());
      for (int step = 1; step < 16; step++) {
        passes.step(cache, "sequence");
        assertEquals(new TokenZones(4, 52, 60 + step), cache.zones());
      }

      passes.step(cache, "sequence");

      assertEquals(new TokenZones(4, 68, 76), cache.zones());
    }
  }

  @ParameterizedTest
  @MethodSource(KINDS)
  void sequenceAfterAnother_inTheSameSlot_equalsTheFirst(Backend backend, Kind kind) {
    try (CachePool pool = new CachePool(backend, SHAPE, method(FEW, kind), 1)) {
      Passes passes = new Passes(pool);
      List<float[]> first = new ArrayList<>();
      try (KvCache cache = pool.open()) {
        first.addAll(passes.prefill(cache, "a", 150));
        first.add(passes.step(cache, "a"));
      }
      try (KvCache cache = pool.open()) {
        passes.prefill(cache, "another", 400);
        passes.step(cache, "another");
      }
      try (KvCache cache = pool.open()) {
        List<float[]> second = new ArrayList<>(passes.prefill(cache, "a", 150));
        second.add(passes.step(cache, "a"));
        Outputs.assertRepeated(first, second);
      }
    }
  }

  /** Summaries depend on the zone, not on how it grew: with scores the centre moves when it doubles. */
  @ParameterizedTest
  @MethodSource(KINDS)
  void sequenceThatGrewByDecoding_goesOnLikeAPromptOfThatLength(Backend backend, Kind kind) {
    try (CachePool pool = new CachePool(backend, SHAPE, method(FEW, kind), 2);
        KvCache grown = pool.open();
        KvCache prompt = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(grown, "sequence", 60);
      for (int step = 0; step < 5 * 16; step++) {
        passes.step(grown, "sequence");
      }
      passes.prefill(prompt, "sequence", 140);
      assertEquals(prompt.zones(), grown.zones());

      for (int step = 0; step < 3; step++) {
        assertArrayEquals(passes.step(prompt, "sequence"), passes.step(grown, "sequence"), 2e-5f);
      }
    }
  }

  @ParameterizedTest
  @MethodSource(KINDS)
  void sequenceThatWasCut_goesOnLikeOneThatWasNeverLonger(Backend backend, Kind kind) {
    try (CachePool pool = new CachePool(backend, SHAPE, method(FEW, kind), 2);
        KvCache cut = pool.open();
        KvCache never = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(cut, "sequence", 300);
      passes.step(cut, "sequence");
      passes.prefill(never, "sequence", 140);
      cut.truncate(140);
      assertEquals(never.zones(), cut.zones());

      for (int step = 0; step < 3; step++) {
        assertArrayEquals(passes.step(never, "sequence"), passes.step(cut, "sequence"), 2e-5f);
      }
    }
  }

  @ParameterizedTest
  @MethodSource(KINDS)
  void batchOfDenseAndSparseSequences_equalsEachAlone(Backend backend, Kind kind) {
    Outputs.assertBatchEqualsEachAlone(backend, SHAPE, method(FEW, kind), 10, 90, 1_200);
  }

  @ParameterizedTest
  @MethodSource(KINDS)
  void cost_countsWhatAStepReads(Backend backend, Kind kind) {
    try (CachePool pool = new CachePool(backend, SHAPE, method(FEW, kind), 1);
        KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(cache, "sequence", 112); // sink 4, zone 100, local 8
      StepCost cost = cache.stepCost();

      // two layers attend 4 + 5 + 8 + 1 tokens, the one with a window 20
      assertEquals((18 + 20 + 18) / 3.0, cost.attendedTokens(), 1e-9);
      assertEquals(113, cost.heldTokens());
      assertEquals(56 * SHAPE.tokenBytes(), cost.kvBytes());
      // ids of 100 keys, with scores also norms, codes and weights of 50 candidates, in two layers and KV heads
      long perKey = kind.coarse == Coarse.SCORES ? 4 + 2 : 4;
      long queries = kind.grouping == Grouping.PER_HEAD ? 3 : 1; // of a KV head
      long norms = kind.share == null ? 0 : 50 * 2; // of the candidates' values
      assertEquals(2 * 2 * (queries * (100 * perKey + 50 * 4 * 6) + norms), cost.summaryBytes());
      assertEquals(kind.share == null ? 0 : 2 * 5 / 3.0, cost.adaptiveTokens(), 1e-9);
    }
  }

  /** One layer, so that a step's counts are those of its selection. */
  @ParameterizedTest
  @MethodSource(KINDS)
  void aShare_selectsBetweenOneKeyAndK_andCountsThem(Backend backend, Kind kind) {
    KvShape shape = new KvShape(1, 6, 2, 32, DType.BF16);
    ParisKv method = method(new RetrievalBudget(40, 0.5, 0.5), kind);
    try (CachePool pool = new CachePool(backend, shape, method, 2);
        KvCache first = pool.open();
        KvCache second = pool.open();
        Buffers buffers = new Buffers(backend)) {
      Passes passes = new Passes(pool);
      passes.prefill(first, "first", 300);
      passes.prefill(second, "second", 30); // dense
      long keys = 0;
      int fewest = 40;
      for (int step = 0; step < 10; step++) {
        try (DecodeBatch batch = pool.batch(List.of(second, first))) {
          passes.step(batch, List.of("second", "first"));
          Selection selection = batch.selection();
          assertNotNull(selection);
          int[] counts = buffers.ints(selection.counts());
          assertEquals(0, counts[0] + counts[1]);
          keys += counts[2] + counts[3];
          fewest = Math.min(fewest, Math.min(counts[2], counts[3]));
        }
      }
      assertEquals(kind.share == null ? 40 : Math.clamp(fewest, 1, 39), fewest);
      assertEquals(kind.share == null ? null : new SelectedKeys(keys, 20), first.selected());
      assertEquals(kind.share == null ? null : new SelectedKeys(0, 0), second.selected());
    }
  }

  @ParameterizedTest
  @MethodSource(KINDS)
  void plan_coversWhatIsKept(Backend backend, Kind kind) {
    int tokens = 1_100;
    MemoryPlan plan = method(FEW, kind).plan(MemoryPlan.empty(), SHAPE, 1, tokens);
    try (CachePool pool = new CachePool(backend, SHAPE, method(FEW, kind), 1);
        KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(cache, "sequence", tokens - 1);
      passes.step(cache, "sequence");

      assertTrue(pool.methodBytes() <= plan.allocatedBytes(),
          () -> pool.methodBytes() + " kept, planned " + plan);
      assertTrue(pool.methodBytes() > 0.9 * plan.allocatedBytes(),
          () -> pool.methodBytes() + " kept, planned " + plan);
    }
    MemoryPlan largest = method(FEW, kind).plan(MemoryPlan.empty(), SHAPE, 1, Integer.MAX_VALUE);
    assertTrue(largest.allocatedBytes() > plan.allocatedBytes(), largest::toString);
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void headSizesThatCannotBeSummarised_areRefused_andFullAttentionTakesThem(Backend backend) {
    for (int headDim : new int[]{8, 80, 96, 512}) {
      KvShape shape = new KvShape(1, 1, 1, headDim, DType.F32);
      assertRefused(InputException.class,
          () -> new CachePool(backend, shape, ParisKv.paper(), 1).close(), "" + headDim,
          "power of two from 16 to 256", "--method full");
      new CachePool(backend, shape, new FullAttention(), 1).close();
    }
  }
}
