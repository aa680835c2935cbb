package io.pariskv.retrieve;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.index.KeySummary;
import io.pariskv.index.MagnitudeLevels;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Size;
import io.pariskv.testing.Tolerance;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class RerankTest {
  private static final String SIZES = "io.pariskv.testing.TestBackends#withSizes";
  private static final String LONG = "io.pariskv.testing.TestBackends#withLongSizes";

  @ParameterizedTest
  @MethodSource({SIZES, LONG})
  void scores_areTheSumOverCodesOfTheFormula(Backend backend, Size size) {
    float[] p = blocks(size);
    int room = room(size);
    try (Fixture fixture = new Fixture(backend, size).encode(size.budget())) {
      int[] candidates = candidates(size);
      float[] scores = score(fixture, size, p, candidates);
      for (int i = 0; i < size.rows() * size.kvHeads(); i++) {
        int count = count(size, i / size.kvHeads());
        for (int c = 0; c < count; c += 1 + count / 100) {
          KeySummary key = fixture.index().read(Fixture.LAYER, fixture.slot(i / size.kvHeads()),
              i % size.kvHeads(), candidates[i * room + c]);
          double[] estimate = estimate(key, p, i * size.headDim());
          assertEquals(estimate[0], scores[i * room + c], 1e-6 * estimate[1] + 1e-30,
              () -> size + ", candidate of " + count);
        }
      }
    }
  }

  /** The estimate, and the sum of its terms' magnitudes. */
  private static double[] estimate(KeySummary key, float[] p, int from) {
    float[] values = MagnitudeLevels.codeValues();
    double[] sums = new double[2];
    for (int i = 0; i < key.codes().length; i++) {
      double term = (double) values[key.codes()[i]] * p[from + i]
          * Bf16.toFloat(key.weights()[i / 8]);
      sums[0] += term;
      sums[1] += Math.abs(term);
    }
    return sums;
  }

  @ParameterizedTest
  @MethodSource({SIZES, LONG})
  void scores_equalThoseOfScalarBitForBit(Backend backend, Size size) {
    float[] p = blocks(size);
    int room = room(size);
    int[] candidates = candidates(size);
    try (Fixture fixture = new Fixture(backend, size).encode(size.budget());
        ScalarBackend scalar = new ScalarBackend();
        Fixture oracle = new Fixture(scalar, size).encode(size.budget())) {
      float[] expected = score(oracle, size, p, candidates);
      float[] actual = score(fixture, size, p, candidates);
      for (int i = 0; i < size.rows() * size.kvHeads(); i++) {
        int from = i * room;
        int to = from + count(size, i / size.kvHeads());
        Tolerance.assertSameBits(Arrays.copyOfRange(expected, from, to),
            Arrays.copyOfRange(actual, from, to), size::toString);
      }
    }
  }

  private static float[] blocks(Size size) {
    return RandomKv.normal(Seeds.random(size, "blocks"),
        size.rows() * size.kvHeads() * size.headDim());
  }

  private static int count(Size size, int row) {
    return size.budget().fields(size.zones().get(row))[1];
  }

  private static int room(Size size) {
    return 3 + IntStream.range(0, size.rows()).map(row -> count(size, row)).max().orElseThrow();
  }

  /** Different ascending positions for every KV head; nonsense beyond their number. */
  private static int[] candidates(Size size) {
    RandomGenerator random = Seeds.random(size, "candidates");
    int room = room(size);
    int[] candidates = new int[size.rows() * size.kvHeads() * room];
    Arrays.fill(candidates, Integer.MIN_VALUE);
    for (int i = 0; i < size.rows() * size.kvHeads(); i++) {
      int keys = size.zones().get(i / size.kvHeads());
      List<Integer> all = new ArrayList<>(IntStream.range(0, keys).boxed().toList());
      Collections.shuffle(all, Random.from(random));
      int[] chosen = all.stream().limit(count(size, i / size.kvHeads()))
          .mapToInt(Integer::intValue).sorted().toArray();
      System.arraycopy(chosen, 0, candidates, i * room, chosen.length);
    }
    return candidates;
  }

  private static float[] score(Fixture fixture, Size size, float[] p, int[] candidates) {
    int room = room(size);
    Buffer scores = fixture.buffers().empty(DType.F32, size.rows(), size.kvHeads(), room);
    fixture.backend().retrieval().rerank().score(fixture.index(), Fixture.LAYER, fixture.batch(),
        fixture.buffers().of(p, size.rows(), size.kvHeads(), size.headDim()),
        fixture.buffers().of(candidates, size.rows(), size.kvHeads(), room), scores);
    return fixture.buffers().floats(scores);
  }

  /** The published statistics of the estimate over random unit vectors of 128 numbers. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void estimate_followsTheInnerProductAsClosely_asThePaperSays(Backend backend) {
    int keys = 4096;
    int queries = 50;
    int d = 128;
    Size size = new Size(List.of(keys), 1, 1, d, DType.F32, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size)
        .encode(new RetrievalBudget(keys, 1.0, 1.0))) {
      float[] q = RandomKv.normal(Seeds.random("unit queries"), queries * d);
      Batch batch = new Batch(queries, fixture.buffers().of(new int[queries], queries),
          fixture.buffers().of(new int[queries], queries));
      Buffer blocks = fixture.buffers().empty(DType.F32, queries, 1, d);
      int[] all = IntStream.range(0, queries * keys).map(i -> i % keys).toArray();
      Buffer scores = fixture.buffers().empty(DType.F32, queries, 1, keys);
      backend.retrieval().queryBlocks().rotate(fixture.index(), batch,
          fixture.buffers().of(q, queries, 1, d), blocks);
      backend.retrieval().rerank().score(fixture.index(), Fixture.LAYER, batch, blocks,
          fixture.buffers().of(all, queries, 1, keys), scores);

      check(fixture, q, fixture.buffers().floats(scores), keys, d);
    }
  }

  private static void check(Fixture fixture, float[] q, float[] scores, int keys, int d) {
    double xy = 0;
    double xx = 0;
    double yy = 0;
    double errors = 0;
    for (int i = 0; i < scores.length; i++) {
      float[] key = fixture.key(0, 0, Fixture.SINK + i % keys);
      double product = 0;
      double norms = 0;
      double keyNorm = 0;
      for (int j = 0; j < d; j++) {
        float query = q[i / keys * d + j];
        product += (double) query * key[j];
        norms += (double) query * query;
        keyNorm += (double) key[j] * key[j];
      }
      double scale = 1 / Math.sqrt(norms * keyNorm); // as if both were unit vectors
      double x = product * scale;
      double y = scores[i] * scale;
      xy += x * y;
      xx += x * x;
      yy += y * y;
      errors += (y - x) * (y - x);
    }
    assertEquals(1, xy / xx, 0.001, "slope"); // unbiased: the weights undo the shrinking of codes
    assertEquals(0.997, xy / Math.sqrt(xx * yy), 0.0005, "correlation");
    assertEquals(0.0065, Math.sqrt(errors / scores.length), 0.0003, "error");
  }
}
