package io.pariskv.app.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Bytes that a layer's attention moves; those of single stages are in BenchAttentionCommandTest. */
class AttentionTrafficTest {
  /** Of 16 subspaces; 512 bytes of K and V of a token and KV head, 4,096 of a token. */
  private static final KvShape SHAPE = new KvShape(1, 32, 8, 128, DType.BF16);

  /** 100,000 keys in the zone, of which 10,000 are candidates. */
  private static final int CONTEXT = 64 + 100_000 + 256;

  private static final long QUERIES = 2 * 32 * 128 * 4;

  private static AttentionTraffic pariskv(int residentRows) {
    return new AttentionTraffic(SHAPE, ParisKv.paper(), CONTEXT, 2, residentRows);
  }

  @Test
  void whatStagesOfOnePartPassOn_isNotMoved() {
    AttentionTraffic traffic = pariskv(Integer.MAX_VALUE);
    long apart = 0;
    for (String stage : List.of("select", "rerank", "top-k")) {
      apart += traffic.part(stage).memory();
    }
    long passedOn = 2L * 8 * 10_000 * (3 * 4 + 2 * 4); // candidates thrice, scores twice
    assertEquals(apart - passedOn, traffic.part("select+rerank+top-k").memory());
    assertEquals(2L * 8 * (100_000 + 512 + 10_000 * 96 + 400),
        traffic.part("select+rerank+top-k").memory());
    assertEquals(
        traffic.part("rotate").memory() + traffic.part("tiers").memory() - 2 * 8 * 512,
        traffic.part("rotate+table").memory());
    assertEquals(traffic.part("vote").memory(), traffic.part("vote+histogram").memory());
  }

  @Test
  void selectedRows_comeOverTheBus_whereTheyAreNotResident() {
    MovedBytes offloaded = pariskv(2176).attend();
    assertEquals(2 * 100 * 4096, offloaded.bus());
    assertEquals(2 * (321 * 4096 + QUERIES + 8 * 400), offloaded.memory());
    MovedBytes inMemory = pariskv(Integer.MAX_VALUE).attend();
    assertEquals(0, inMemory.bus());
    assertEquals(offloaded.memory() + offloaded.bus(), inMemory.memory());
  }

  @Test
  void cachedRows_comeOverTheBusWhenMissed_andAreWrittenOnce() {
    MovedBytes without = pariskv(2176).attend();
    MovedBytes cached = pariskv(2176).attend(200, 484); // 30 of 100 a head
    assertEquals(484 * 512, cached.bus());
    assertEquals(without.memory() + without.bus() + 2 * 8 * 4 * (200 + 2 * 100), cached.memory());
  }

  @Test
  void fullAttention_readsAllThatIsNotResidentOverTheBus() {
    AttentionTraffic traffic = new AttentionTraffic(SHAPE, new FullAttention(), 9_999, 1, 2176);
    assertEquals((10_000 - 2176) * 4096, traffic.whole(List.of(), traffic.attend()).bus());
    assertEquals(2176 * 4096 + QUERIES, traffic.whole(List.of(), traffic.attend()).memory());
  }

  @Test
  void soManyLayersTakeTurns_thatTheyFillTheCacheFourTimes() {
    long cache = 50L << 20;
    for (int context : new int[]{131_072, 1_048_576}) {
      AttentionTraffic full = new AttentionTraffic(SHAPE, new FullAttention(), context, 1,
          Integer.MAX_VALUE);
      assertEquals(2, full.coldLayers(cache));
    }
    int layers = pariskv(Integer.MAX_VALUE).coldLayers(cache);
    long bytes = 2L * 8 * (100_000 * 17L + 10_000 * 96) + 2 * 421 * 4096;
    assertTrue(layers * bytes > 4 * cache, () -> layers + " layers");
    assertTrue((layers - 2) * bytes < 4 * cache, () -> layers + " layers");
  }
}
