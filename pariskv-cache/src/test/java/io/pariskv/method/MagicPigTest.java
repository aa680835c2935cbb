package io.pariskv.method;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.testing.MethodChecks;
import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.error.InputException;
import io.pariskv.index.HashIndex;
import io.pariskv.index.SimHash;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Passes;
import io.pariskv.testing.Seeded;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What MagicPIG must hold beyond {@link SelectingMethodsTest}. */
@Seeded
@Tag("stages")
class MagicPigTest {
  private static final String BACKENDS = "io.pariskv.testing.TestBackends#all";

  /** Three layers, the middle one with a sliding window. */
  private static final KvShape SHAPE = new KvShape(3, 6, 2, 32, DType.BF16, List.of(0, 20, 0));

  private static final SimHash HASH = new SimHash(4, 10);
  private static final ZoneSettings ZONES = new ZoneSettings(4, 8, 16, 0);
  private static final MagicPig INDEXED = new MagicPig(ZONES, HASH, true, 0);
  private static final MagicPig PROMPT_ONLY = new MagicPig(ZONES, HASH, false, 0);

  @Test
  void presets_areThePublishedNumbers() {
    assertEquals(
        new MagicPig(new ZoneSettings(4, 64, 256, 0), new SimHash(10, 150), false, 16),
        MagicPig.released());
    List<Integer> dense = IntStream.range(0, 128).filter(MagicPig.released()::dense).boxed()
        .toList();
    assertEquals(List.of(0, 16, 32, 48, 64), dense);
    MagicPig matched = MagicPig.matched(100, 131_072);
    assertEquals(ZoneSettings.matched(), matched.zones());
    assertTrue(matched.indexGenerated());
    assertEquals(0, matched.denseEvery());
    assertEquals(100, matched.k());
    assertEquals(100, matched.withoutDenseLayers().k());
    assertEquals(100, new MagicPigOnHost(matched).k());
    assertEquals(0, MagicPig.released().k());
  }

  /** The fewest tables that are expected to sample as many keys, whatever the context. */
  @Test
  void matched_hasTheTablesThatSampleAboutK() {
    assertEquals(new SimHash(11, 58), MagicPig.matched(100, 131_072).hash());
    for (int context : new int[]{0, 4_096, 16_384, 65_536, 1 << 20}) {
      SimHash hash = MagicPig.matched(100, context).hash();
      int keys = (context == 0 ? 32_768 : context) - 320;
      double expected = MagicPig.expected(hash, keys);
      double fewer = MagicPig.expected(new SimHash(11, hash.tables() - 1), keys);
      assertTrue(expected >= 100 && fewer < 100, () -> hash + " samples " + expected);
    }
    assertEquals(new SimHash(11, 1_024), MagicPig.matched(100, 100).hash());
    assertEquals(new SimHash(11, 2), MagicPig.matched(1, Integer.MAX_VALUE).hash());
  }

  @Test
  void settingsOutOfRange_areRefusedWithBothNumbers() {
    assertRefused(InputException.class, () -> MagicPig.matched(0, 10), "k 0", "at least 1");
    assertRefused(InputException.class, () -> new MagicPig(ZONES, HASH, true, -1),
        "dense-every -1", "at least 0");
  }

  @Test
  void cost_countsBits_andKeysThatAreReadForTheirWeightsToo() {
    MagicPig method = new MagicPig(ZONES, new SimHash(8, 20), true, 2); // layers 0 and 2 dense
    for (int every : new int[]{2, 0}) {
      try (Backend backend = new ScalarBackend();
          CachePool pool = new CachePool(backend, SHAPE,
              new MagicPig(ZONES, method.hash(), true, every), 1);
          KvCache cache = pool.open()) {
        new Passes(pool).prefill(cache, "sequence", 1_012); // sink 4, zone 1,000, local 8
        StepCost cost = cache.stepCost();

        double sampled = MagicPig.expected(method.hash(), 1_000);
        assertEquals(every > 0
            ? (1_013 + 20 + 1_013) / 3.0
            : (13 + 20 + 13 + 2 * Math.round(sampled)) / 3.0, cost.attendedTokens(), 1e-9);
        assertEquals(every > 0 ? 0 : 2 * 2 * 1_000 * 20, cost.summaryBytes());
        assertEquals(every > 0
            ? 2_046 * SHAPE.tokenBytes()
            : Math.round((46 + 2 * 1.5 * 3 * sampled) * SHAPE.tokenBytes()), cost.kvBytes());
      }
    }
  }

  /** What is sampled is left to chance, so who counted says how much. */
  @Test
  void costOfAStepThatWasSeen_isOfTheKeysItSampled() {
    try (Backend backend = new ScalarBackend();
        CachePool pool = new CachePool(backend, SHAPE, INDEXED, 1);
        KvCache cache = pool.open()) {
      new Passes(pool).prefill(cache, "sequence", 1_012);
      StepCost cost = cache.stepCost(40);

      assertEquals((13 + 20 + 13 + 2 * 40) / 3.0, cost.attendedTokens(), 1e-9);
      assertEquals((46 + 360) * SHAPE.tokenBytes(), cost.kvBytes()); // 1.5 times 3 heads' 40 in 2 layers
      assertEquals(cache.stepCost().summaryBytes(), cost.summaryBytes());
    }
  }

  /** As released; a later prompt takes in what was generated before it. */
  @Test
  void withoutIndexGenerated_theWindowStaysThePrompts() {
    TokenZones zones = PROMPT_ONLY.slide(TokenZones.dense(100), true);
    for (int i = 1; i < 500; i++) {
      zones = PROMPT_ONLY.slide(zones.appended(1), false);
      assertEquals(new TokenZones(4, 92, 100 + i), zones);
    }
    assertEquals(new TokenZones(4, 601, 609), PROMPT_ONLY.slide(zones.appended(10), true));
    assertEquals(new TokenZones(4, 108, 116),
        INDEXED.slide(new TokenZones(4, 92, 100).appended(16), false));
    TokenZones dense = TokenZones.dense(0);
    for (int i = 0; i < 3_000; i++) {
      dense = MagicPig.released().slide(dense.appended(1), false);
      assertEquals(0, dense.retrievalTokens()); // nothing was read as a prompt
    }
  }

  /** In the layers that are dense; what is sampled in the others follows. */
  @ParameterizedTest
  @MethodSource(BACKENDS)
  void everySoManyLayers_oneAttendsEverything(Backend backend) {
    int width = SHAPE.heads() * SHAPE.headDim();
    List<float[]> outputs = new ArrayList<>();
    for (AttentionMethod method : List.of(new FullAttention(),
        new MagicPig(ZONES, HASH, true, 2), new MagicPig(ZONES, HASH, true, 16))) {
      try (CachePool pool = new CachePool(backend, SHAPE, method, 1); KvCache cache = pool.open()) {
        Passes passes = new Passes(pool);
        passes.prefill(cache, "sequence", 300);
        outputs.add(passes.step(cache, "sequence"));
      }
    }
    assertArrayEquals(outputs.get(0), outputs.get(1), 2e-5f);
    double difference = 0;
    for (int i = 0; i < width; i++) {
      assertEquals(outputs.get(0)[i], outputs.get(2)[i], 2e-5f);
      int last = 2 * width + i;
      difference = Math.max(difference, Math.abs(outputs.get(0)[last] - outputs.get(2)[last]));
    }
    assertTrue(difference > 0.01, "layer 2 attends everything");
  }

  /** As many as the formula says on average over heads and steps, for keys and queries in random directions. */
  @ParameterizedTest
  @MethodSource(BACKENDS)
  void inABatch_everySequenceSamplesItsOwnShare(Backend backend) {
    ZoneSettings denseBelow = new ZoneSettings(4, 8, 16, 100);
    try (CachePool pool = new CachePool(backend, SHAPE, new MagicPig(denseBelow, HASH, true, 0), 3);
        KvCache first = pool.open();
        KvCache second = pool.open();
        KvCache third = pool.open();
        Buffers buffers = new Buffers(backend)) {
      Passes passes = new Passes(pool);
      passes.prefill(first, "first", 412); // 400 keys
      passes.prefill(second, "second", 1_212); // 1,200
      passes.prefill(third, "third", 9); // everything
      long[] sums = new long[3];
      int steps = 16;
      try (DecodeBatch batch = pool.batch(List.of(second, third, first))) {
        for (int step = 0; step < steps; step++) {
          passes.step(batch, List.of("second", "third", "first"));
          Selection selection = batch.selection();
          assertNotNull(selection);
          int[] counts = buffers.ints(selection.counts());
          for (int i = 0; i < counts.length; i++) {
            sums[i / SHAPE.heads()] += counts[i];
          }
        }
      }
      double share = meanShare();
      assertEquals(0, sums[1]);
      assertEquals(1_200 * share, (double) sums[0] / steps / SHAPE.heads(), 0.25 * 1_200 * share);
      assertEquals(400 * share, (double) sums[2] / steps / SHAPE.heads(), 0.3 * 400 * share);
    }
  }

  /** The mean of the formula over directions in 32 dimensions, by their density {@code (1 - c^2)^14.5}. */
  private static double meanShare() {
    double sum = 0;
    double total = 0;
    for (int i = -999; i < 1_000; i++) {
      double density = Math.pow(1 - i * i * 1e-6, 14.5);
      sum += density * HASH.probability(i * 1e-3);
      total += density;
    }
    return sum / total;
  }

  /** The bits that keys got as they left the window are those of all keys at once, seen from the prompt's mean. */
  @ParameterizedTest
  @MethodSource(BACKENDS)
  void generatedTokens_areHashedFromThePromptsMean_orNotAtAll(Backend backend) {
    for (MagicPig method : List.of(INDEXED, PROMPT_ONLY)) {
      try (KvStore kv = backend.newKvStore(SHAPE, 2); Buffers buffers = new Buffers(backend)) {
        kv.open();
        int slot = kv.open();
        try (MagicPigState state = MagicPigState.open(method, backend, kv)) {
          TokenZones zones = ZoneGrowth.append(buffers, kv, state, slot, TokenZones.dense(0), 1_010,
              true);
          state.beforeStep(slot, zones);
          float[] mean = mean(state, slot);
          for (int step = 0; step < 70; step++) {
            state.beforeStep(slot, zones);
            zones = ZoneGrowth.append(buffers, kv, state, slot, zones, 1, false);
          }
          assertEquals(new TokenZones(4, method.indexGenerated() ? 1_066 : 1_002, 1_080), zones);
          assertArrayEquals(mean, mean(state, slot), 0);
          assertBits(backend, kv, state, slot, zones);
          assertFalse(zones.retrievalTokens() > state.hashes().signatures().capacity(slot));
        }
      }
    }
  }

  private static float[] mean(MagicPigState state, int slot) {
    return state.hashes().means().read(2, slot, 1, 0)
        .toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }

  private static void assertBits(Backend backend, KvStore kv, MagicPigState state, int slot,
      TokenZones zones) {
    HashIndex own = state.hashes();
    int keys = zones.retrievalTokens();
    try (ZoneTable signatures = backend.newZoneTable(SHAPE, kv.slots(), DType.I32,
        HashIndex.width(HASH), TokenSlabs.SLAB_TOKENS)) {
      HashIndex expected = new HashIndex(HASH, own.planes(), own.logWeights(), own.means(),
          signatures);
      signatures.reserve(slot, keys);
      for (int layer : new int[]{0, 2}) {
        backend.hashes().hashing().encode(kv, layer, slot, zones.sinkEnd(), zones, expected);
        for (int slab = 0; slab < TokenSlabs.slabs(keys); slab++) {
          int words = Math.ceilDiv(keys - slab * TokenSlabs.SLAB_TOKENS, Integer.SIZE);
          for (int kvHead = 0; kvHead < SHAPE.kvHeads(); kvHead++) {
            int[] whole = words(signatures, layer, slot, kvHead, slab);
            int[] parts = words(own.signatures(), layer, slot, kvHead, slab);
            for (int i = 0; i < whole.length; i++) {
              if (i % HashIndex.WORDS < words) {
                assertEquals(whole[i], parts[i]);
              }
            }
          }
        }
      }
    }
  }

  private static int[] words(ZoneTable table, int layer, int slot, int kvHead, int slab) {
    return table.read(layer, slot, kvHead, slab)
        .toArray(ValueLayout.JAVA_INT_UNALIGNED);
  }

  /** A chunk that is given up, after the mean was found, must not move it. */
  @ParameterizedTest
  @MethodSource(BACKENDS)
  void theMeanStays_whenAChunkIsGivenUp(Backend backend) {
    MethodChecks.chunksGivenUpBetweenStepsLeaveNoTrace(backend, SHAPE, INDEXED);
  }
}
