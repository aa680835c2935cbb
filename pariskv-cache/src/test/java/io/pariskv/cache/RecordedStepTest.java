package io.pariskv.cache;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Step;
import io.pariskv.index.Coarse;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ExactTopK;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.Quest;
import io.pariskv.method.WindowAttention;
import io.pariskv.method.ZoneSettings;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.jspecify.annotations.Nullable;

/** A step recorded once and run again is the stages run one by one. */
@Seeded
@Tag("stages")
class RecordedStepTest {
  private static final KvShape SHAPE = new KvShape(2, 8, 2, 64, DType.BF16);

  /**
   * Enough to fill update buffers, pass a slab, change the size of the retriever's scratch and move the centre
   * of keys.
   */
  private static final int STEPS = TestBackends.checked() ? 60 : 150;

  /** Threads of a CPU may add partial sums in another order; the selected keys are the same. */
  private static final double TOLERANCE = 1e-5;

  private static final List<Integer> PROMPTS = List.of(970, 300);

  static Stream<Arguments> backendsAndMethods() {
    ZoneSettings zones = new ZoneSettings(16, 32, 24, 0);
    AttentionMethod full = new FullAttention();
    AttentionMethod pariskv = new ParisKv(
        new ParisKvConfig(16, 32, 24, 0, new RetrievalBudget(48, null, null)));
    if (TestBackends.checked()) { // a checker takes minutes for a recorded step; it has seen the others' stages elsewhere
      return TestBackends.with(Stream.of(full, pariskv));
    }
    return TestBackends.with(Stream.of(full, pariskv,
        new ParisKv(new ParisKvConfig(zones, new RetrievalBudget(48, 0.1, null), Coarse.SCORES,
            Grouping.MEAN)),
        new ParisKv(new ParisKvConfig(16, 32, 24, 0, new RetrievalBudget(48, null, null))
            .withGrouping(Grouping.PER_HEAD)),
        new ParisKv(new ParisKvConfig(16, 32, 24, 0,
            new RetrievalBudget(48, null, null).withShare(0.8))),
        new WindowAttention(zones), new ExactTopK(zones, 48, Grouping.PER_HEAD),
        new Quest(zones, 48, 16, 0, Grouping.MEAN),
        new Quest(null, 64, 16, 1, Grouping.PER_HEAD)));
  }

  /** One cache pool with a batch, and the buffers of its step. */
  private static final class Engine implements AutoCloseable {
    private final Backend backend;
    private final Buffers buffers;
    private final CachePool pool;
    private final DecodeBatch batch;
    private final Buffer q;
    private final Buffer k;
    private final Buffer v;
    private final Buffer out;
    private @Nullable Step step;
    private long recorded;
    private int recordings;

    Engine(Backend backend, AttentionMethod method) {
      this.backend = backend;
      buffers = new Buffers(backend);
      pool = new CachePool(backend, SHAPE, method, PROMPTS.size());
      List<KvCache> caches = PROMPTS.stream().map(_ -> pool.open()).toList();
      RandomGenerator random = Seeds.random("prompts");
      for (int i = 0; i < caches.size(); i++) {
        prefill(caches.get(i), PROMPTS.get(i), random);
      }
      batch = pool.batch(caches);
      int rows = caches.size();
      q = buffers.empty(DType.F32, SHAPE.layers(), rows, SHAPE.heads(), SHAPE.headDim());
      k = buffers.empty(DType.F32, SHAPE.layers(), rows, SHAPE.kvHeads(), SHAPE.headDim());
      v = buffers.empty(DType.F32, SHAPE.layers(), rows, SHAPE.kvHeads(), SHAPE.headDim());
      out = buffers.empty(DType.F32, SHAPE.layers(), rows, SHAPE.heads(), SHAPE.headDim());
    }

    private void prefill(KvCache cache, int tokens, RandomGenerator random) {
      try (Rows rows = cache.prefill(tokens)) {
        rows.begin();
        for (int layer = 0; layer < SHAPE.layers(); layer++) {
          rows.append(layer, rows(random, tokens), rows(random, tokens));
        }
        rows.commit();
      }
    }

    private Buffer rows(RandomGenerator random, int tokens) {
      return buffers.of(RandomKv.normal(random, tokens * SHAPE.kvHeads() * SHAPE.headDim()), tokens,
          SHAPE.kvHeads(), SHAPE.headDim());
    }

    private void give(RandomGenerator random) {
      for (Buffer buffer : List.of(q, k, v)) {
        float[] values = RandomKv.normal(random, Math.toIntExact(buffer.shape().elements()));
        backend.upload(MemorySegment.ofArray(values), buffer);
      }
    }

    private void stages() {
      batch.begin();
      for (int layer = 0; layer < SHAPE.layers(); layer++) {
        batch.append(layer, layer(k, layer), layer(v, layer));
        batch.attend(layer, layer(q, layer), layer(out, layer));
      }
    }

    private static Buffer layer(Buffer all, int layer) {
      return all.slice(layer, layer + 1).reshape(all.shape().axis(1), all.shape().axis(2),
          all.shape().axis(3));
    }

    float[] oneByOne(RandomGenerator random) {
      give(random);
      batch.prepare();
      stages();
      batch.commit();
      return buffers.floats(out);
    }

    float[] recorded(RandomGenerator random) {
      give(random);
      long version = batch.prepare();
      Step current = step;
      if (current == null || version != recorded) {
        if (current != null) {
          current.close();
        }
        current = backend.record(this::stages);
        step = current;
        recorded = version;
        recordings++;
      }
      current.run();
      batch.commit();
      return buffers.floats(out);
    }

    @Override
    public void close() {
      if (step != null) {
        step.close();
      }
      batch.close();
      pool.close();
      buffers.close();
    }
  }

  @ParameterizedTest
  @MethodSource("backendsAndMethods")
  void recordedSteps_giveWhatStagesRunOneByOneGive(Backend backend, AttentionMethod method) {
    try (Engine plain = new Engine(backend, method); Engine fused = new Engine(backend, method)) {
      for (int i = 0; i < STEPS; i++) {
        int step = i;
        float[] expected = plain.oneByOne(Seeds.random("step", step));
        float[] actual = fused.recorded(Seeds.random("step", step));
        Tolerance.assertClose(asDoubles(expected), actual, TOLERANCE, () -> "step " + step);
      }
      assertTrue(fused.recordings < STEPS / 10, "recorded " + fused.recordings + " times");
    }
  }

  private static double[] asDoubles(float[] values) {
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
  }
}
