package io.pariskv.cache;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.index.Coarse;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.MagicPig;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.PqCache;
import io.pariskv.method.Quest;
import io.pariskv.method.ZoneSettings;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Outputs;
import io.pariskv.testing.Passes;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.TestBackends;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** K and V that are read from one sequence and appended to another, in other chunks and without attending. */
@Seeded
class CopiedRowsTest {
  private static final String BACKENDS = "io.pariskv.testing.TestBackends#all";
  private static final KvShape SHAPE = new KvShape(2, 4, 2, 32, DType.BF16);
  private static final int PROMPT = 1100;

  private static List<AttentionMethod> methods() {
    RetrievalBudget few = new RetrievalBudget(8, null, null);
    ZoneSettings zones = new ZoneSettings(3, 5, 4, 10);
    return List.of(new FullAttention(), new ParisKv(new ParisKvConfig(2, 4, 4, 10, few)),
        new ParisKv(new ParisKvConfig(zones, few.withShare(0.9), Coarse.SCORES, Grouping.MEAN)),
        new Quest(null, 16, 8, 1, Grouping.PER_HEAD), PqCache.matched(8, PROMPT),
        MagicPig.matched(8, PROMPT));
  }

  /** A step of a sequence with the same bits as a computed one, whichever way they went and in whichever chunks. */
  @ParameterizedTest
  @MethodSource(BACKENDS)
  void copy_isAttendedAsWhatItIsACopyOf(Backend backend) {
    List<KvPlacement> places = TestBackends.onGpu()
        ? List.of(KvPlacement.DEVICE, KvPlacement.HOST)
        : List.of(backend.kvPlacement());
    for (AttentionMethod method : methods()) {
      for (KvPlacement from : places) {
        try (CachePool pool = new CachePool(backend, SHAPE, method, 2, from);
            KvCache beside = pool.open();
            KvCache source = pool.open()) {
          Passes passes = new Passes(pool);
          passes.prefill(beside, "b", 20);
          passes.prefill(source, "a", 1000);
          passes.prefill(source, "a", PROMPT - 1000);
          for (KvPlacement to : places) {
            source.truncate(PROMPT);
            assertCopy(backend, passes, source, method, to);
          }
        }
      }
    }
  }

  private static void assertCopy(Backend backend, Passes passes, KvCache source,
      AttentionMethod method, KvPlacement to) {
    try (CachePool other = new CachePool(backend, SHAPE, method, 1, to);
        KvCache copy = other.open()) {
      for (int count : new int[]{64, 960, 3, 73}) {
        copy(backend, source, copy, count);
      }
      assertEquals(source.zones(), copy.zones());
      Passes copied = new Passes(other);
      for (int step = 0; step < 3; step++) {
        Outputs.assertRepeated(passes.step(source, "a"), copied.step(copy, "a"));
      }
    }
  }

  private static void copy(Backend backend, KvCache from, KvCache to, int count) {
    int start = to.length();
    try (Buffers buffers = new Buffers(backend); Rows rows = to.prefill(count)) {
      rows.begin();
      for (int layer = 0; layer < SHAPE.layers(); layer++) {
        short[][] read = read(from, layer, start, count);
        rows.append(layer, buffers.of(floats(read[0]), count, SHAPE.kvHeads(), SHAPE.headDim()),
            buffers.of(floats(read[1]), count, SHAPE.kvHeads(), SHAPE.headDim()));
      }
      rows.commit();
    }
    for (int layer = 0; layer < SHAPE.layers(); layer++) {
      assertArrayEquals(read(from, layer, start, count), read(to, layer, start, count));
    }
  }

  private static short[][] read(KvCache cache, int layer, int from, int count) {
    short[][] rows = new short[2][count * SHAPE.kvHeads() * SHAPE.headDim()];
    cache.read(layer, from, count, MemorySegment.ofArray(rows[0]), MemorySegment.ofArray(rows[1]));
    return rows;
  }

  private static float[] floats(short[] stored) {
    float[] all = new float[stored.length];
    for (int i = 0; i < all.length; i++) {
      all[i] = Bf16.toFloat(stored[i]);
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void rowsAreThoseThatWereAppended_alsoInF32(Backend backend) {
    KvShape shape = new KvShape(1, 2, 2, 16, DType.F32);
    float[] k = new float[3 * 32];
    float[] v = new float[3 * 32];
    for (int i = 0; i < k.length; i++) {
      k[i] = i + 1 / 3f;
      v[i] = -i;
    }
    try (CachePool pool = new CachePool(backend, shape, new FullAttention(), 1);
        KvCache cache = pool.open()) {
      try (Buffers buffers = new Buffers(backend); Rows rows = cache.prefill(3)) {
        rows.begin();
        rows.append(0, buffers.of(k, 3, 2, 16), buffers.of(v, 3, 2, 16));
        rows.commit();
      }
      float[] keys = new float[3 * 32];
      float[] values = new float[3 * 32];
      cache.read(0, 0, 3, MemorySegment.ofArray(keys), MemorySegment.ofArray(values));
      assertArrayEquals(k, keys);
      assertArrayEquals(v, values);
      assertRefused(IllegalArgumentException.class, () -> cache.read(0, 1, 3,
          MemorySegment.ofArray(keys), MemorySegment.ofArray(values)), "positions 1 to 3", "of 3");
    }
  }
}
