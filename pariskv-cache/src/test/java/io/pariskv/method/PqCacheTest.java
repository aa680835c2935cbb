package io.pariskv.method;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.testing.MethodChecks;
import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.error.InputException;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Outputs;
import io.pariskv.testing.Passes;
import io.pariskv.testing.Seeded;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What PQCache must hold beyond {@link SelectingMethodsTest}, most of which its released code does not. */
@Seeded
@Tag("stages")
class PqCacheTest {
  private static final String BACKENDS = "io.pariskv.testing.TestBackends#all";

  /** Three layers, the middle one with a sliding window. */
  private static final KvShape SHAPE = new KvShape(3, 6, 2, 32, DType.BF16, List.of(0, 20, 0));

  private static final ProductQuantizer QUANTIZER = new ProductQuantizer(2, 4);
  private static final int SINK = 4;
  private static final ZoneSettings ZONES = new ZoneSettings(SINK, 8, 16, 0);

  /** A fifth of the prompt, a half of that recent. */
  private static final PqCache SHARE = new PqCache(new PqBudget.Share(SINK, 0.2, 0.5), QUANTIZER);

  private static PqCache tokens(int k) {
    return new PqCache(new PqBudget.Tokens(ZONES, k), QUANTIZER);
  }

  @Test
  void presets_areThePublishedNumbers() {
    assertEquals(new PqCache(new PqBudget.Share(32, 0.1, 0.5), new ProductQuantizer(2, 6)),
        PqCache.released(0.1, 65_535));
    assertEquals(new PqCache(new PqBudget.Share(32, 0.2, 0.5), new ProductQuantizer(4, 8)),
        PqCache.released(0.2, 65_536));
    assertEquals(new PqCache(new PqBudget.Tokens(new ZoneSettings(64, 256, 512, 2_000), 100),
        new ProductQuantizer(2, 6)), PqCache.matched(100, 32_768));
    assertEquals(new ProductQuantizer(4, 8), PqCache.matched(100, 131_072).quantizer());
  }

  @Test
  void settingsOutOfRange_areRefusedWithBothNumbers() {
    assertRefused(InputException.class, () -> tokens(0), "k 0", "at least 1");
    for (double ratio : new double[]{0, -0.1, 1.01, Double.NaN}) {
      assertRefused(InputException.class, () -> new PqBudget.Share(32, ratio, 0.5),
          "compress-ratio " + ratio, "at most 1");
    }
    for (double recent : new double[]{-0.1, 1.01, Double.NaN}) {
      assertRefused(InputException.class, () -> new PqBudget.Share(32, 0.1, recent),
          "recent-ratio " + recent, "from 0 to 1");
    }
    assertRefused(InputException.class, () -> new PqBudget.Share(-1, 0.1, 0.5), "sink -1");
    assertRefused(InputException.class,
        () -> new PqCache(tokens(1).budget(), new ProductQuantizer(5, 4)).check(SHAPE),
        "pq-subvectors 5", "head size 32");
  }

  @Test
  void cost_countsCodesAndCodebooks() {
    try (Backend backend = new ScalarBackend();
        CachePool pool = new CachePool(backend, SHAPE, tokens(5), 1);
        KvCache cache = pool.open()) {
      new Passes(pool).prefill(cache, "sequence", 112); // sink 4, zone 100, local 8
      StepCost cost = cache.stepCost();

      assertEquals((18 + 20 + 18) / 3.0, cost.attendedTokens(), 1e-9);
      assertEquals((18 + 20 + 18) * SHAPE.tokenBytes(), cost.kvBytes());
      assertEquals(2 * 2 * (100 * 2 + 16 * 32 * 4), cost.summaryBytes()); // layers, KV heads
    }
  }

  /** What a report says is attended is what a step selects: of a share that is settled at the prompt's end. */
  @Test
  void costOfAShare_staysWhileTokensAreGenerated() {
    try (Backend backend = new ScalarBackend();
        CachePool pool = new CachePool(backend, SHAPE, SHARE, 1);
        KvCache cache = pool.open()) {
      Passes passes = new Passes(pool);
      passes.prefill(cache, "sequence", 104); // sink 4, local 10, and 10 keys of the rest
      double before = cache.stepCost().attendedTokens();
      assertEquals((25 + 20 + 25) / 3.0, before, 1e-9);
      for (int i = 0; i < 40; i++) {
        passes.step(cache, "sequence");
      }
      assertEquals(before, cache.stepCost().attendedTokens());
      assertEquals((25 + 20 + 25) * SHAPE.tokenBytes(), cache.stepCost().kvBytes());
      cache.truncate(54); // another prompt's share: 5 of each
      assertEquals((15 + 20 + 15) / 3.0, cache.stepCost().attendedTokens(), 1e-9);
    }
  }

  /** What is attended with a ratio of 0.2 and a sink of 32, as computed from the release: 2.4 of the notes. */
  @Test
  void aShare_isOfThePromptBehindTheSink_andStaysWhileTokensAreGenerated() {
    PqCache method = PqCache.released(0.2, 1_000);
    int[][] expected = {{150, 54}, {200, 64}, {300, 84}, {500, 124}, {1_000, 224}};
    for (int[] each : expected) {
      TokenZones zones = method.slide(TokenZones.dense(0).appended(each[0]), true);
      int window = zones.length() - zones.recentStart();
      assertEquals(each[1], zones.residentTokens() + method.budget().k(each[0]));
      for (int step = 1; step < 2_000; step++) {
        zones = method.slide(zones.appended(1), false);
        assertEquals(new TokenZones(32, each[0] + step - window, each[0] + step), zones);
      }
    }
  }

  @Test
  void zonesOfAnyPromptInAnyParts_partitionThePositions_andNeverShrink() {
    for (int prompt = 1; prompt < 120; prompt += 3) {
      PqCache method = new PqCache(new PqBudget.Share(prompt % 5, 0.05 + prompt % 7 * 0.15, 0.5),
          new ProductQuantizer(1, 1 + prompt % 6));
      TokenZones zones = TokenZones.dense(0);
      for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 40; i++) {
          boolean prefill = i < 2;
          int added = prefill ? prompt : 1;
          TokenZones next = method.slide(zones.appended(added), prefill);
          assertEquals(zones.length() + added, next.retrievalTokens() + next.residentTokens());
          assertTrue(next.recentStart() >= zones.recentStart());
          if (next.retrievalTokens() > 0) {
            assertEquals(method.budget().sink(), next.sinkEnd());
          }
          zones = next;
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void withNoMoreKeysThanCentroids_everythingIsAttended_alsoWhatIsGenerated(Backend backend) {
    List<List<float[]>> both = new ArrayList<>();
    for (AttentionMethod method : List.of(new FullAttention(), SHARE)) {
      try (CachePool pool = new CachePool(backend, SHAPE, method, 1); KvCache cache = pool.open()) {
        Passes passes = new Passes(pool);
        List<float[]> outputs = new ArrayList<>(passes.prefill(cache, "sequence", SINK + 16));
        for (int i = 0; i < 30; i++) {
          outputs.add(passes.step(cache, "sequence"));
        }
        both.add(outputs);
      }
    }
    Outputs.assertSame(both.getFirst(), both.getLast(), 2e-5f);
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void aShareInChunks_afterAnotherSequence_andAfterACut_equalsThePromptAtOnce(Backend backend) {
    List<List<float[]>> all = new ArrayList<>();
    for (boolean before : new boolean[]{false, true}) {
      try (CachePool pool = new CachePool(backend, SHAPE, SHARE, 1)) {
        Passes passes = new Passes(pool);
        if (before) {
          try (KvCache cache = pool.open()) {
            passes.prefill(cache, "another", 700);
            passes.step(cache, "another");
          }
        }
        try (KvCache cache = pool.open()) {
          for (int chunk : before ? new int[]{1, 19, 3, 100} : new int[]{123}) {
            passes.prefill(cache, "sequence", chunk);
          }
          if (before) {
            for (int i = 0; i < 40; i++) {
              passes.step(cache, "another");
            }
            cache.truncate(123);
          }
          List<float[]> outputs = new ArrayList<>();
          for (int i = 0; i < 30; i++) {
            outputs.add(passes.step(cache, "sequence"));
          }
          all.add(outputs);
        }
      }
    }
    Outputs.assertSame(all.getFirst(), all.getLast(), 2e-5f);
  }

  /** Also in a batch, where every sequence has a number of its own. */
  @ParameterizedTest
  @MethodSource(BACKENDS)
  void asManyKeysAsThePromptAllows_areSelected_howeverMuchIsGenerated(Backend backend) {
    try (CachePool pool = new CachePool(backend, SHAPE, SHARE, 3);
        KvCache first = pool.open();
        KvCache second = pool.open();
        KvCache third = pool.open();
        Buffers buffers = new Buffers(backend)) {
      Passes passes = new Passes(pool);
      passes.prefill(first, "first", 104); // 10 keys
      passes.prefill(second, "second", 305); // 30 keys
      passes.prefill(third, "third", 9); // everything
      List<KvCache> caches = List.of(second, third, first);
      for (int step = 0; step < 40; step++) {
        try (DecodeBatch batch = pool.batch(caches)) {
          passes.step(batch, List.of("second", "third", "first"));
          Selection selection = batch.selection();
          assertNotNull(selection);
          assertArrayEquals(new int[]{30, 30, 0, 0, 10, 10}, buffers.ints(selection.counts()));
        }
      }
      try (DecodeBatch batch = third.step()) {
        passes.step(batch, List.of("third"));
        assertNull(batch.selection());
      }
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void aShareThatIsAllRecent_isAWindow(Backend backend) {
    List<List<float[]>> both = new ArrayList<>();
    for (AttentionMethod method : List.of(
        new PqCache(new PqBudget.Share(SINK, 0.05, 1), QUANTIZER),
        new WindowAttention(new ZoneSettings(SINK, 5, 1, 0)))) {
      try (CachePool pool = new CachePool(backend, SHAPE, method, 1); KvCache cache = pool.open()) {
        Passes passes = new Passes(pool);
        List<float[]> outputs = new ArrayList<>(passes.prefill(cache, "sequence", 104));
        for (int i = 0; i < 20; i++) {
          outputs.add(passes.step(cache, "sequence"));
        }
        both.add(outputs);
      }
    }
    Outputs.assertSame(both.getFirst(), both.getLast(), 2e-5f);
  }

  /** The codes that keys got as they left the window, one by one, are those of all keys at once. */
  @ParameterizedTest
  @MethodSource(BACKENDS)
  void everyTokenIsAttendedOrSelectableExactlyOnce(Backend backend) {
    for (PqCache method : List.of(SHARE, tokens(5))) {
      try (KvStore kv = backend.newKvStore(SHAPE, 2); Buffers buffers = new Buffers(backend)) {
        kv.open();
        int slot = kv.open();
        try (PqState state = PqState.open(method, backend, kv)) {
          TokenZones zones = ZoneGrowth.append(buffers, kv, state, slot, TokenZones.dense(0), 1_010,
              true);
          for (int step = 0; step < 60; step++) {
            state.beforeStep(slot, zones);
            zones = ZoneGrowth.append(buffers, kv, state, slot, zones, 1, false);
          }
          state.beforeStep(slot, zones);
          assertTrue(zones.retrievalTokens() > 900, zones::toString);
          assertEquals(1_070, zones.retrievalTokens() + zones.residentTokens());
          assertCodes(backend, kv, state, slot, zones);
        }
      }
    }
  }

  private static void assertCodes(Backend backend, KvStore kv, PqState state, int slot,
      TokenZones zones) {
    try (ZoneTable codes = backend.newZoneTable(SHAPE, kv.slots(), DType.U8, 2, 1)) {
      codes.reserve(slot, zones.retrievalTokens());
      for (int layer : new int[]{0, 2}) {
        backend.quantizer().coding().encode(kv, layer, slot, zones.sinkEnd(), zones, QUANTIZER,
            state.codebooks(), codes);
        Set<List<Byte>> different = new HashSet<>();
        for (int kvHead = 0; kvHead < SHAPE.kvHeads(); kvHead++) {
          for (int key = 0; key < zones.retrievalTokens(); key++) {
            byte[] expected = bytes(codes.read(layer, slot, kvHead, key));
            assertArrayEquals(expected, bytes(state.codes().read(layer, slot, kvHead, key)));
            different.add(List.of(expected[0], expected[1]));
          }
        }
        assertTrue(different.size() > 200, () -> "only " + different.size() + " different codes");
      }
    }
  }

  private static byte[] bytes(MemorySegment row) {
    return Arrays.copyOf(row.toArray(ValueLayout.JAVA_BYTE), 2);
  }

  /** A chunk that is given up, after codebooks were made, must not make them anew from other keys. */
  @ParameterizedTest
  @MethodSource(BACKENDS)
  void codebooksStay_whenAChunkIsGivenUp(Backend backend) {
    MethodChecks.chunksGivenUpBetweenStepsLeaveNoTrace(backend, SHAPE, SHARE);
  }
}
