package io.pariskv.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Sequences of different lengths that decode together each get what they get alone. */
@Seeded
@Tag("stages")
class MixedBatchTest {
  private static final KvShape SHAPE = new KvShape(2, 8, 2, 64, DType.BF16);

  /** Dense ones, one that becomes long enough to retrieve on the way, and ones that retrieve. */
  private static final List<Integer> LENGTHS = List.of(1, 31, 118, 2051, 257, 1023);

  private static final int STEPS = 6;

  /** Threads of a CPU may add partial sums in another order; the selected keys are the same. */
  private static final double TOLERANCE = 1e-5;

  static Stream<Arguments> backendsAndMethods() {
    return TestBackends.with(Stream.of(new FullAttention(),
        new ParisKv(new ParisKvConfig(16, 32, 4, 120, new RetrievalBudget(48, null, null)))));
  }

  @ParameterizedTest
  @MethodSource("backendsAndMethods")
  void eachSequence_getsWhatItGetsAlone(Backend backend, AttentionMethod method) {
    List<Integer> all = IntStream.range(0, LENGTHS.size()).boxed().toList();
    float[][] together = decode(backend, method, all);
    for (int sequence : all) {
      float[] alone = decode(backend, method, List.of(sequence))[0];
      float[] mixed = together[sequence];
      assertEquals(alone.length, mixed.length);
      Tolerance.assertClose(asDoubles(alone), mixed, TOLERANCE,
          () -> "a sequence of " + LENGTHS.get(sequence) + " tokens");
    }
  }

  /** What each of {@code sequences} gets in all steps and layers. */
  private static float[][] decode(Backend backend, AttentionMethod method,
      List<Integer> sequences) {
    try (Buffers buffers = new Buffers(backend);
        CachePool pool = new CachePool(backend, SHAPE, method, sequences.size())) {
      List<KvCache> caches = new ArrayList<>();
      List<RandomGenerator> random = new ArrayList<>();
      for (int sequence : sequences) {
        caches.add(pool.open());
        random.add(Seeds.random("sequence", sequence));
        prefill(caches.getLast(), LENGTHS.get(sequence), random.getLast(), buffers);
      }
      List<float[]> results = new ArrayList<>();
      try (DecodeBatch batch = pool.batch(caches)) {
        for (int step = 0; step < STEPS; step++) {
          batch.prepare();
          batch.begin();
          for (int layer = 0; layer < SHAPE.layers(); layer++) {
            Buffer out = buffers.empty(DType.F32, caches.size(), SHAPE.heads(), SHAPE.headDim());
            batch.append(layer, rows(random, SHAPE.kvHeads(), buffers),
                rows(random, SHAPE.kvHeads(), buffers));
            batch.attend(layer, rows(random, SHAPE.heads(), buffers), out);
            results.add(buffers.floats(out));
          }
          batch.commit();
        }
      }
      return bySequence(results, caches.size());
    }
  }

  private static void prefill(KvCache cache, int tokens, RandomGenerator random, Buffers buffers) {
    try (Rows rows = cache.prefill(tokens)) {
      rows.begin();
      for (int layer = 0; layer < SHAPE.layers(); layer++) {
        rows.append(layer, rows(random, tokens, buffers), rows(random, tokens, buffers));
      }
      rows.commit();
    }
  }

  private static Buffer rows(RandomGenerator random, int tokens, Buffers buffers) {
    return buffers.of(RandomKv.normal(random, tokens * SHAPE.kvHeads() * SHAPE.headDim()), tokens,
        SHAPE.kvHeads(), SHAPE.headDim());
  }

  /** One row of each sequence, from its own generator. */
  private static Buffer rows(List<RandomGenerator> random, int heads, Buffers buffers) {
    int width = heads * SHAPE.headDim();
    float[] values = new float[random.size() * width];
    for (int row = 0; row < random.size(); row++) {
      System.arraycopy(RandomKv.normal(random.get(row), width), 0, values, row * width, width);
    }
    return buffers.of(values, random.size(), heads, SHAPE.headDim());
  }

  private static float[][] bySequence(List<float[]> results, int sequences) {
    int width = SHAPE.heads() * SHAPE.headDim();
    float[][] all = new float[sequences][results.size() * width];
    for (int i = 0; i < results.size(); i++) {
      for (int row = 0; row < sequences; row++) {
        System.arraycopy(results.get(i), row * width, all[row], i * width, width);
      }
    }
    return all;
  }

  private static double[] asDoubles(float[] values) {
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
  }
}
