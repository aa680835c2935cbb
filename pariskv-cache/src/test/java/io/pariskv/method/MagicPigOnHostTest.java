package io.pariskv.method;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.backend.vector.VectorBackend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.error.InputException;
import io.pariskv.index.SimHash;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.MethodChecks;
import io.pariskv.testing.Outputs;
import io.pariskv.testing.Passes;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.TestBackends;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * MagicPIG over two backends: any of those under test has the model, the vector backend is the CPU beside it. Where that is a
 * GPU this is the real thing.
 */
@Seeded
class MagicPigOnHostTest {
  private static final float TOLERANCE = 2e-5f;

  /** Four layers, the second with a sliding window. */
  private static final KvShape SHAPE = new KvShape(4, 6, 2, 32, DType.BF16, List.of(0, 20, 0, 0));

  private static final SimHash HASH = new SimHash(4, 10);
  private static final ZoneSettings ZONES = new ZoneSettings(4, 8, 16, 50);
  private static final MagicPig INDEXED = new MagicPig(ZONES, HASH, true, 0);

  /** As released: layers 0 and 2 are dense, generated tokens are all attended. */
  private static final MagicPig PROMPT_ONLY = new MagicPig(ZONES, HASH, false, 2);

  /** On a CPU one is enough: what is under test is what goes between two. */
  static Stream<Named<Backend>> near() {
    return TestBackends.all().limit(TestBackends.onGpu() ? Long.MAX_VALUE : 1);
  }

  static Stream<Arguments> cases() {
    return Stream.of(INDEXED, PROMPT_ONLY)
        .flatMap(method -> near().map(backend -> Arguments.of(backend, method)));
  }

  static Stream<Arguments> casesOnAll() {
    return TestBackends.with(Stream.of(INDEXED, PROMPT_ONLY));
  }

  /** The same without the refusal of backends that compute on the CPU. */
  private record Hosted(MagicPig method) implements ForwardingMethod {
    @Override
    public MethodState open(Backend near, KvStore kv) {
      return MagicPigHostState.open(method, near, kv, new VectorBackend(2));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void answers_areThoseOfTheMethodOnOneBackend(Backend near, MagicPig method) {
    Outputs.assertSame(Outputs.of(near, SHAPE, method, 1_100, 40),
        Outputs.of(near, SHAPE, new Hosted(method), 1_100, 40), TOLERANCE);
  }

  @ParameterizedTest
  @MethodSource("casesOnAll")
  void rowsStoredAsFloats_areCopiedToo(Backend near, MagicPig method) {
    KvShape floats = new KvShape(3, 4, 4, 64, DType.F32);
    Outputs.assertSame(Outputs.of(near, floats, method, 90, 20),
        Outputs.of(near, floats, new Hosted(method), 90, 20), TOLERANCE);
  }

  /** Rows that steps appended while everything was attended are missing on the host until a zone begins. */
  @ParameterizedTest
  @MethodSource("casesOnAll")
  void aSequenceThatBecomesLongByItsAnswer_attendsAsOnOneBackend(Backend near, MagicPig method) {
    ZoneSettings zones = new ZoneSettings(4, 8, 4, 60);
    MagicPig late = new MagicPig(zones, method.hash(), true, method.denseEvery());
    Outputs.assertSame(Outputs.of(near, SHAPE, late, 30, 60),
        Outputs.of(near, SHAPE, new Hosted(late), 30, 60), TOLERANCE);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void promptInChunks_equalsPromptAtOnce(Backend near, MagicPig method) {
    MethodChecks.promptInChunksEqualsPromptAtOnce(near, SHAPE, new Hosted(method));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void chunksThatAreGivenUp_leaveNoTrace(Backend near, MagicPig method) {
    MethodChecks.chunksGivenUpLeaveNoTrace(near, SHAPE, new Hosted(method));
    MethodChecks.chunksGivenUpBetweenStepsLeaveNoTrace(near, SHAPE, new Hosted(method));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void turnsOfAConversation_equalTheirPromptAtOnce(Backend near, MagicPig method) {
    MethodChecks.turnsEqualTheirPromptAtOnce(near, SHAPE, new Hosted(method));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void batchOfDenseAndSparseSequences_equalsEachAlone(Backend near, MagicPig method) {
    Outputs.assertBatchEqualsEachAlone(near, SHAPE, new Hosted(method), 3, 90, 1_200);
  }

  /** A step that ended in an exception is repeated with other rows at the same positions. */
  @ParameterizedTest
  @MethodSource("near")
  void aStepThatIsGivenUp_leavesNoTrace(Backend near) {
    List<float[]> expected = Outputs.of(near, SHAPE, INDEXED, 150, 20);
    try (CachePool pool = new CachePool(near, SHAPE, new Hosted(INDEXED), 1);
        KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      List<float[]> outputs = new ArrayList<>(passes.prefill(cache, "sequence", 150));
      for (int step = 0; step < 20; step++) {
        try (DecodeBatch batch = cache.step()) {
          passes.giveUp(batch, List.of("another"), step % 4);
        }
        outputs.add(passes.step(cache, "sequence"));
      }
      Outputs.assertSame(expected, outputs, TOLERANCE);
    }
  }

  /** In the same slot, after a sequence that was longer; and by another method and back. */
  @ParameterizedTest
  @MethodSource("cases")
  void whatIsInTheSlotNext_hasRowsOfItsOwn(Backend near, MagicPig method) {
    List<float[]> expected = Outputs.of(near, SHAPE, method, 150, 8);
    try (CachePool pool = new CachePool(near, SHAPE, new Hosted(method), 2);
        KvCache beside = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(beside, "beside", 100);
      try (KvCache cache = pool.open()) {
        passes.prefill(cache, "another", 400);
        passes.step(cache, "another");
      }
      try (KvCache cache = pool.open()) {
        passes.prefill(cache, "sequence", 150);
        pool.use(new FullAttention());
        passes.step(cache, "another");
        cache.truncate(150);
        pool.use(new Hosted(method));
        for (int step = 0; step < 8; step++) {
          assertArrayEquals(expected.get(150 + step), passes.step(cache, "sequence"), TOLERANCE);
        }
        passes.step(beside, "beside");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("near")
  void steps_areRecorded_asLongAsNothingIsSampled(Backend near) {
    try (CachePool pool = new CachePool(near, SHAPE, new Hosted(INDEXED), 1);
        KvCache cache = pool.open();
        DecodeBatch batch = cache.step()) {
      Passes passes = new Passes(pool);
      passes.prefill(cache, "sequence", 40);
      passes.step(batch, List.of("sequence"));
      assertTrue(batch.recordable());
      assertNull(batch.selection());
      passes.prefill(cache, "sequence", 60);
      passes.step(batch, List.of("sequence"));
      assertFalse(batch.recordable());
    }
  }

  /** A probe reads it with the backend that has the model. */
  @ParameterizedTest
  @MethodSource("near")
  void selection_isThatOfTheMethodOnOneBackend(Backend near) {
    List<int[]> counts = new ArrayList<>();
    for (AttentionMethod each : List.of(INDEXED, new Hosted(INDEXED))) {
      try (CachePool pool = new CachePool(near, SHAPE, each, 1);
          KvCache cache = pool.open();
          DecodeBatch batch = cache.step();
          Buffers buffers = new Buffers(near)) {
        Passes passes = new Passes(pool);
        passes.prefill(cache, "sequence", 300);
        passes.step(batch, List.of("sequence"));
        Selection selection = batch.selection();
        assertNotNull(selection);
        counts.add(buffers.ints(selection.counts()));
        assertEquals(SHAPE.heads() * selection.capacity(),
            buffers.ints(selection.positions()).length);
        assertNotNull(batch.selection());
      }
    }
    assertArrayEquals(counts.getFirst(), counts.getLast());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void plan_coversWhatIsKept_allOfItInHostMemory(Backend near, MagicPig method) {
    int tokens = 1_100;
    MemoryPlan plan = new MagicPigOnHost(method).plan(MemoryPlan.in(MemoryPlace.GPU), SHAPE, 1,
        tokens);
    assertEquals(0, plan.bytes(MemoryPlace.GPU));
    int layers = method.denseEvery() == 0 ? 3 : 1;
    long rows = layers * 2L * 2 * 2_048 * 32 * 2; // K and V of two KV heads, whole slabs
    assertTrue(plan.parts().getFirst().bytes() >= rows
        && plan.parts().getFirst().bytes() < 1.01 * rows, plan::toString);
    try (CachePool pool = new CachePool(near, SHAPE, new Hosted(method), 1);
        KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(cache, "sequence", tokens - 1);
      passes.step(cache, "sequence");

      long kept = pool.methodBytes();
      assertTrue(kept <= plan.hostBytes() && kept >= 0.8 * plan.hostBytes(),
          () -> kept + " kept, planned " + plan);
      assertTrue(pool.held().hostBytes() >= kept);
    }
  }

  @Test
  void whereNothingIsSampled_theHostHasNothing() {
    KvShape windows = new KvShape(2, 2, 1, 16, DType.BF16, List.of(8, 8));
    MemoryPlan gpu = MemoryPlan.in(MemoryPlace.GPU);
    assertEquals(INDEXED.plan(gpu, windows, 1, 9_000).parts(),
        new MagicPigOnHost(INDEXED).plan(gpu, windows, 1, 9_000).parts());
  }

  @Test
  void backendsOfTheCpu_areRefused() {
    MagicPigOnHost method = new MagicPigOnHost(MagicPig.released());
    assertRefused(InputException.class, () -> method.plan(MemoryPlan.empty(), SHAPE, 1, 10),
        "--tables host", "--backend cuda", "leave it out");
    try (Backend scalar = new ScalarBackend(); KvStore kv = scalar.newKvStore(SHAPE, 1)) {
      assertRefused(InputException.class, () -> method.open(scalar, kv), "--backend cuda");
    }
    assertEquals(new MagicPigOnHost(MagicPig.released().withoutDenseLayers()),
        method.withoutDenseLayers());
  }
}
