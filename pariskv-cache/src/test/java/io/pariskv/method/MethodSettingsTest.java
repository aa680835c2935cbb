package io.pariskv.method;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.backend.vector.VectorBackend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.KvCache;
import io.pariskv.error.InputException;
import io.pariskv.index.SimHash;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.retrieve.Grouping;
import io.pariskv.testing.Passes;
import io.pariskv.testing.Seeded;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Settings of the methods beside ParisKV: their limits, and what they mean for what a step reads. */
@Seeded
class MethodSettingsTest {
  private static final ZoneSettings ZONES = new ZoneSettings(4, 8, 16, 0);

  @Test
  void settingsOutOfRange_areRefusedWithBothNumbers() {
    assertRefused(InputException.class, () -> new ZoneSettings(-1, 8, 1, 0), "sink -1",
        "at least 0");
    assertRefused(InputException.class, () -> new ZoneSettings(0, 0, 1, 0), "local 0",
        "at least 1");
    assertRefused(InputException.class, () -> new ZoneSettings(0, 8, 0, 0), "update-interval 0",
        "at least 1");
    assertRefused(InputException.class, () -> new ZoneSettings(0, 8, 1, -1), "dense-below -1",
        "at least 0");
    assertRefused(InputException.class, () -> new ExactTopK(ZONES, 0, Grouping.MEAN), "k 0",
        "at least 1");
    for (int pageSize : new int[]{0, -16, 3, 2_048}) {
      assertRefused(InputException.class,
          () -> new Quest(ZONES, 5_000, pageSize, 0, Grouping.MEAN), "page-size " + pageSize,
          "power of two from 1 to 1024");
    }
    assertRefused(InputException.class, () -> new Quest(ZONES, 15, 16, 0, Grouping.MEAN), "k 15",
        "at least 16, a page of 16 tokens");
    assertRefused(InputException.class, () -> new Quest(null, 31, 16, 0, Grouping.MEAN), "k 31",
        "at least 32, two pages of 16 tokens");
  }

  @Test
  void zonesOfTheSettings_areThoseOfParisKv() {
    ParisKvConfig paper = ParisKvConfig.paper();
    ZoneSettings matched = ZoneSettings.matched();
    TokenZones ours = TokenZones.dense(0);
    TokenZones theirs = ours;
    for (int tokens : new int[]{1_000, 999, 1, 3_000, 511, 1, 1, 512}) {
      for (boolean prefill : new boolean[]{false, true}) {
        ours = matched.slide(ours.appended(tokens), prefill);
        theirs = paper.zones().slide(theirs.appended(tokens), prefill);
        assertEquals(theirs, ours);
      }
    }
  }

  /** Their plan says so, and what a sequence takes is what was planned. */
  @Test
  void layersThatAttendEverything_haveNoIndex() {
    KvShape shape = new KvShape(4, 6, 2, 32, DType.BF16, List.of(0, 0, 20, 0));
    SimHash hash = new SimHash(4, 10);
    assertIndex(shape, new Quest(ZONES, 16, 8, 0, Grouping.MEAN), "page bounds", 3);
    assertIndex(shape, new Quest(ZONES, 16, 8, 2, Grouping.MEAN), "page bounds", 1);
    assertIndex(shape, new Quest(ZONES, 16, 8, 4, Grouping.MEAN), "page bounds", 0);
    assertIndex(shape, new MagicPig(ZONES, hash, true, 0), "hashes of keys", 3);
    assertIndex(shape, new MagicPig(ZONES, hash, true, 3), "hashes of keys", 1);
  }

  /** @param layers of three without a sliding window that are indexed */
  private static void assertIndex(KvShape shape, AttentionMethod method, String part, int layers) {
    long index = planned(method, shape, part);
    assertEquals(layers * planned(method.withoutDenseLayers(), shape, part), 3 * index,
        method::toString);
    try (Backend backend = new ScalarBackend();
        CachePool pool = new CachePool(backend, shape, method, 1);
        KvCache cache = pool.open()) {
      long before = pool.methodBytes();
      Passes passes = new Passes(pool);
      passes.prefill(cache, "sequence", 2_000);
      passes.step(cache, "sequence");

      assertEquals(index + planned(method, shape, "selection scratch"),
          pool.methodBytes() - before, method::toString);
    }
  }

  @Test
  void listsOfBuckets_areWhatIsPlanned_andCostLessToReadThanBits() {
    KvShape shape = new KvShape(4, 6, 2, 32, DType.BF16, List.of(0, 0, 20, 0));
    MagicPig method = new MagicPig(ZONES, new SimHash(4, 10), true, 3);
    try (Backend scalar = new ScalarBackend();
        Backend vector = new VectorBackend(2);
        CachePool bits = new CachePool(scalar, shape, method, 1);
        CachePool lists = new CachePool(vector, shape, method, 1);
        KvCache one = bits.open();
        KvCache other = lists.open()) {
      for (var cache : Map.of(one, bits, other, lists).entrySet()) {
        new Passes(cache.getValue()).prefill(cache.getKey(), "sequence", 2_000);
        new Passes(cache.getValue()).step(cache.getKey(), "sequence");
      }
      long planned = planned(method, shape, "lists of buckets");
      assertEquals(2 * (10 * (2 * 1_536 + 4 * 17)), planned); // 1,988 keys of two KV heads in one layer
      assertEquals(planned, lists.methodBytes() - bits.methodBytes());
      long kept = one.stepCost().kvBytes();
      assertEquals(kept, other.stepCost().kvBytes());
      // 40 bits of 1,988 keys and KV head, or of 452 and for each of six heads ten lists of 96 keys
      assertEquals(2 * 1_988 * 5, one.stepCost().summaryBytes());
      assertEquals(2 * 452 * 5 + 6 * 10 * 2 * 96, other.stepCost().summaryBytes());
    }
  }

  private static long planned(AttentionMethod method, KvShape shape, String part) {
    return method.plan(MemoryPlan.empty(), shape, 1, 2_000).parts().stream()
        .filter(each -> each.name().equals(part)).mapToLong(MemoryPlan.Part::bytes).sum();
  }

  @Test
  void cost_countsWhatAStepReads() {
    KvShape shape = new KvShape(3, 6, 2, 32, DType.BF16, List.of(0, 20, 0));
    // 112 tokens: sink 4, zone 100, local 8; a step attends 13 of them, and 20 in the layer with the window
    assertCost(shape, new WindowAttention(ZONES), (13 + 20 + 13) / 3.0, 13 + 20 + 13, 0);
    // K of 100 keys is as much as K and V of 50 tokens
    assertCost(shape, new ExactTopK(ZONES, 5, Grouping.MEAN), (18 + 20 + 18) / 3.0,
        68 + 20 + 68, 0);
    // 13 pages of 8 keys, of which 2 are attended
    assertCost(shape, new Quest(ZONES, 16, 8, 0, Grouping.MEAN), (29 + 20 + 29) / 3.0,
        29 + 20 + 29, 2 * 13);
    // by each of three heads; the first layer is dense
    assertCost(shape, new Quest(ZONES, 16, 8, 1, Grouping.PER_HEAD), (113 + 20 + 29) / 3.0,
        113 + 20 + 61, 13);
  }

  /** @param tokens whose K and V are read, in all layers together; {@code bounds} pages whose bounds are */
  private static void assertCost(KvShape shape, AttentionMethod method, double attended,
      int tokens, int bounds) {
    try (Backend backend = new ScalarBackend();
        CachePool pool = new CachePool(backend, shape, method, 1);
        KvCache cache = pool.open()) {
      new Passes(pool).prefill(cache, "sequence", 112);
      StepCost cost = cache.stepCost();

      assertEquals(attended, cost.attendedTokens(), 1e-9);
      assertEquals(113, cost.heldTokens());
      assertEquals(tokens * shape.tokenBytes(), cost.kvBytes());
      assertEquals(bounds * shape.tokenBytes(), cost.summaryBytes());
    }
  }
}
