package io.pariskv.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Step;
import io.pariskv.backend.cuda.CudaBackend;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.kv.RowFetches;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.PqBudget;
import io.pariskv.method.PqCache;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Passes;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Tolerance;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * With a cache of rows sequences attend what they attend without, whatever happens to them in between. The order of
 * sums is another, so within the tolerance of attention; a row of another position would be far off.
 */
@Seeded
@Tag("gpu")
@EnabledIfSystemProperty(named = "pariskv.testBackend", matches = "cuda", disabledReason = "needs a GPU; gpu/run-tests runs it")
class RowCacheTest {
  private static final int K = 300;
  private static final ParisKv METHOD = new ParisKv(
      new ParisKvConfig(16, 32, 24, 0, new RetrievalBudget(K, null, null)));

  private final Backend backend = new CudaBackend(KvPlacement.HOST);

  @AfterEach
  void close() {
    backend.close();
  }

  static Stream<Arguments> shapesAndRows() {
    return Stream.of(
        Arguments.of(new KvShape(2, 8, 2, 128, DType.BF16), 2 * K),
        Arguments.of(new KvShape(2, 10, 1, 64, DType.BF16, List.of(40, 0)), K), // two blocks a KV head
        Arguments.of(new KvShape(1, 3, 3, 16, DType.F32), 1_000));
  }

  /** Two pools that differ in the cache alone, and sequences in both. */
  private final class Pair implements AutoCloseable {
    final CachePool cached;
    final CachePool plain;
    final List<KvCache> sequences = new ArrayList<>();
    final List<KvCache> expected = new ArrayList<>();

    Pair(KvShape shape, int rows, int slots) {
      cached = new CachePool(backend, shape, METHOD, slots, KvPlacement.HOST,
          new RowCacheSize(rows));
      plain = new CachePool(backend, shape, METHOD, slots, KvPlacement.HOST, RowCacheSize.OFF);
    }

    int open() {
      sequences.add(cached.open());
      expected.add(plain.open());
      return sequences.size() - 1;
    }

    void prefill(int sequence, String name, int tokens) {
      new Passes(cached).prefill(sequences.get(sequence), name, tokens);
      new Passes(plain).prefill(expected.get(sequence), name, tokens);
    }

    void giveUp(int sequence, String name, int tokens, int layer) {
      new Passes(cached).giveUp(sequences.get(sequence), name, tokens, layer);
      new Passes(plain).giveUp(expected.get(sequence), name, tokens, layer);
    }

    void truncate(int sequence, int length) {
      sequences.get(sequence).truncate(length);
      expected.get(sequence).truncate(length);
    }

    void close(int sequence) {
      sequences.get(sequence).close();
      expected.get(sequence).close();
    }

    void use(AttentionMethod other) {
      cached.use(other);
      plain.use(other);
    }

    /** Steps of several sequences together, named in their order. */
    void steps(int count, List<Integer> which, List<String> names) {
      try (DecodeBatch batch = cached.batch(which.stream().map(sequences::get).toList());
          DecodeBatch other = plain.batch(which.stream().map(expected::get).toList())) {
        for (int step = 0; step < count; step++) {
          List<float[]> actual = new Passes(cached).step(batch, names);
          List<float[]> right = new Passes(plain).step(other, names);
          for (int row = 0; row < names.size(); row++) {
            assertEqual(right.get(row), actual.get(row), "step " + step + ", row " + row);
          }
        }
      }
    }

    RowFetches fetches(int sequence) {
      return sequences.get(sequence).fetches();
    }

    @Override
    public void close() {
      cached.close();
      plain.close();
    }
  }

  private static void assertEqual(float[] expected, float[] actual, String what) {
    Tolerance.assertClose(IntStream.range(0, expected.length).mapToDouble(i -> expected[i])
        .toArray(), actual, 3e-5, () -> what);
  }

  @ParameterizedTest
  @MethodSource("shapesAndRows")
  void sequencesThatGrowAreCutGivenUpAndOpenedAgain_attendAsWithoutCache(KvShape shape, int rows) {
    try (Pair pair = new Pair(shape, rows, 3)) {
      int a = pair.open();
      int b = pair.open();
      pair.prefill(a, "a", 2_900);
      pair.prefill(b, "b", 3_700);
      pair.steps(40, List.of(a, b), List.of("a", "b")); // update buffers become part of the zone
      pair.steps(3, List.of(b), List.of("b"));
      assertTrue(pair.fetches(b).hits() > 0, () -> pair.fetches(b).toString());

      pair.giveUp(b, "never", 50, 0);
      pair.steps(3, List.of(b, a), List.of("b", "a"));
      pair.truncate(b, 600); // other rows take positions that were cached
      pair.prefill(b, "other", 3_000);
      pair.steps(5, List.of(b, a), List.of("other", "a"));
      pair.truncate(a, pair.sequences.get(a).length() - 3); // no row that was cached
      pair.steps(5, List.of(a), List.of("instead"));

      pair.close(a);
      int c = pair.open();
      assertEquals(RowFetches.NONE, pair.fetches(c));
      pair.prefill(c, "c", 2_800);
      pair.steps(5, List.of(c, b), List.of("c", "other"));
      pair.truncate(c, 100);
      pair.steps(2, List.of(c), List.of("short"));
      pair.prefill(c, "long again", 3_000);
      pair.steps(5, List.of(b, c), List.of("other", "long again"));
    }
  }

  /** Half of the prompt has no place in the cache, whose rows are still right afterwards. */
  @Test
  void aMethodTakenUpThatSelectsMoreThanThereArePlaces_attendsAsWithoutCache() {
    try (Pair pair = new Pair(new KvShape(2, 8, 2, 128, DType.BF16), 2 * K, 1)) {
      int a = pair.open();
      pair.prefill(a, "a", 2_900);
      pair.steps(3, List.of(a), List.of("a"));
      RowFetches before = pair.fetches(a);
      pair.use(new PqCache(new PqBudget.Share(32, 0.5, 0), new ProductQuantizer(2, 6)));
      pair.steps(3, List.of(a), List.of("a"));
      assertEquals(before, pair.fetches(a));
      pair.use(METHOD);
      pair.steps(3, List.of(a), List.of("a"));
      assertTrue(pair.fetches(a).hits() > before.hits(), () -> pair.fetches(a).toString());
    }
  }

  /** Every step of a recording looks up anew, and fills what the step before it looked up. */
  @Test
  void recordedSteps_attendAsWithoutCache_andFindMoreAndMore() {
    KvShape shape = new KvShape(3, 8, 2, 64, DType.BF16);
    try (Pair pair = new Pair(shape, 2 * K, 1); Buffers buffers = new Buffers(backend)) {
      int a = pair.open();
      pair.prefill(a, "a", 3_000);
      Buffer q = buffers.empty(DType.F32, 1, shape.heads(), shape.headDim());
      Buffer k = buffers.empty(DType.F32, 1, shape.kvHeads(), shape.headDim());
      Buffer out = buffers.empty(DType.F32, shape.layers(), 1, shape.heads(), shape.headDim());
      Buffer right = buffers.empty(DType.F32, shape.layers(), 1, shape.heads(), shape.headDim());
      RandomGenerator random = Seeds.random("queries");
      float[] query = RandomKv.normal(random, shape.heads() * shape.headDim());
      try (DecodeBatch batch = pair.sequences.get(a).step();
          DecodeBatch other = pair.expected.get(a).step()) {
        batch.prepare();
        other.prepare();
        Step first = backend.record(() -> step(batch, q, k, out, shape.layers()));
        Step second = backend.record(() -> step(other, q, k, right, shape.layers()));
        for (int i = 0; i < 20; i++) {
          query[random.nextInt(query.length)] += 3;
          upload(query, q);
          upload(RandomKv.normal(random, shape.kvHeads() * shape.headDim()), k);
          if (i > 0) {
            batch.prepare();
            other.prepare();
          }
          first.run();
          second.run();
          assertEqual(buffers.floats(right), buffers.floats(out), "step " + i);
          batch.commit();
          other.commit();
        }
        first.close();
        second.close();
      }
      RowFetches fetches = pair.fetches(a);
      assertTrue(fetches.hitRate() > 0.5, fetches::toString);
    }
  }

  private void upload(float[] numbers, Buffer to) {
    backend.upload(MemorySegment.ofArray(numbers), to);
  }

  private static void step(DecodeBatch batch, Buffer q, Buffer k, Buffer out, int layers) {
    batch.begin();
    for (int layer = 0; layer < layers; layer++) {
      batch.append(layer, k, k);
      batch.attend(layer, q, out.slice(layer, layer + 1L).reshape(1, q.shape().axis(1),
          q.shape().axis(2)));
    }
  }

  @Test
  void whatThePlanSays_isWhatSequencesTake() {
    KvShape shape = new KvShape(3, 8, 2, 64, DType.BF16, List.of(0, 40, 0));
    try (Pair pair = new Pair(shape, 777, 2)) {
      long tables = pair.cached.bytes() - pair.plain.bytes();
      for (int open = 1; open <= 2; open++) {
        pair.prefill(pair.open(), "a", 10);
        long planned = backend.planRowCache(MemoryPlan.empty(), shape, open, 777).totalBytes();
        assertEquals(planned, pair.cached.bytes() - pair.plain.bytes() - tables);
      }
    }
  }
}
