package io.pariskv.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class TokenSamplerTest {
  private static final String BACKENDS = "io.pariskv.testing.TestBackends#all";

  /** One row's parameters and state. */
  private record Row(float[] logits, boolean[] seen, boolean[] forbidden, int position, long seed,
      float temperature, int topK, float topP, float minP, float penalty) {

    Row(float[] logits, boolean[] seen, int position, long seed, float temperature, int topK,
        float topP, float minP, float penalty) {
      this(logits, seen, new boolean[logits.length], position, seed, temperature, topK, topP, minP,
          penalty);
    }

    static Row greedy(float... logits) {
      return new Row(logits, new boolean[logits.length], 0, 1, 0, 0, 1, 0, 1);
    }

    Row without(int... tokens) {
      boolean[] all = forbidden.clone();
      for (int token : tokens) {
        all[token] = true;
      }
      return new Row(logits, seen, all, position, seed, temperature, topK, topP, minP, penalty);
    }
  }

  private static int[] sample(Backend backend, Row... rows) {
    return sample(backend, List.of(rows), new byte[rows.length * rows[0].logits.length]);
  }

  private static int[] sample(Backend backend, List<Row> rows, byte[] seenAfter) {
    int count = rows.size();
    int vocabulary = rows.getFirst().logits.length;
    float[] logits = new float[count * vocabulary];
    byte[] seen = new byte[count * vocabulary];
    int words = SamplerRows.words(vocabulary);
    int[] forbidden = new int[count * words];
    float[] floats = new float[count * SamplerRows.FLOAT_FIELDS];
    int[] ints = new int[count * SamplerRows.INT_FIELDS];
    for (int r = 0; r < count; r++) {
      Row row = rows.get(r);
      System.arraycopy(row.logits, 0, logits, r * vocabulary, vocabulary);
      for (int i = 0; i < vocabulary; i++) {
        seen[r * vocabulary + i] = (byte) (row.seen[i] ? 1 : 0);
        forbidden[r * words + i / 32] |= row.forbidden[i] ? 1 << i % 32 : 0;
      }
      float[] f = {row.temperature, row.topP, row.minP, row.penalty};
      System.arraycopy(f, 0, floats, r * f.length, f.length);
      int[] n = {row.topK, (int) row.seed, (int) (row.seed >>> 32)};
      System.arraycopy(n, 0, ints, r * n.length, n.length);
    }
    try (Buffers buffers = new Buffers(backend)) {
      Batch batch = new Batch(count, buffers.of(new int[count], count),
          buffers.of(rows.stream().mapToInt(Row::position).toArray(), count));
      Buffer seenTokens = buffers.of(seen, count, vocabulary);
      Buffer tokens = buffers.empty(DType.I32, count);
      Buffer scores = buffers.of(logits, count, vocabulary);
      backend.layers().sampler().sample(scores, batch,
          new SamplerRows(buffers.of(floats, count, SamplerRows.FLOAT_FIELDS),
              buffers.of(ints, count, SamplerRows.INT_FIELDS), seenTokens,
              buffers.of(forbidden, count, words)),
          tokens);
      assertArrayEquals(logits, buffers.floats(scores), "the logits stay as they are");
      System.arraycopy(buffers.bytes(seenTokens), 0, seenAfter, 0, seen.length);
      return buffers.ints(tokens);
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void temperatureZero_takesTheLargest_tiesByLowerId(Backend backend) {
    float nan = Float.NaN;
    float infinite = Float.NEGATIVE_INFINITY;
    assertArrayEquals(new int[]{1, 2, 0, 3, 0, 1},
        sample(backend, Row.greedy(1, 5, 5, 2), Row.greedy(nan, -9, 3, nan),
            Row.greedy(nan, nan, nan, nan), Row.greedy(infinite, infinite, infinite, -1),
            Row.greedy(-0f, 0, -0f, 0), Row.greedy(-2, -1, -1, -3)));
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void repetitionPenalty_dividesPositiveAndMultipliesNegativeLogits(Backend backend) {
    boolean[] seen = {true, false, false};
    Row positive = new Row(new float[]{4, 3, -9}, seen, 0, 1, 0, 0, 1, 0, 1.5f);
    Row negative = new Row(new float[]{-1, -1.4f, -9}, seen, 0, 1, 0, 0, 1, 0, 1.5f);
    Row mild = new Row(new float[]{4, 3, -9}, seen, 0, 1, 0, 0, 1, 0, 1.2f);

    assertArrayEquals(new int[]{1, 1, 0}, sample(backend, positive, negative, mild));
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void chosenToken_isMarkedAsSeen_andOnlyThat(Backend backend) {
    byte[] seen = new byte[6];

    sample(backend, List.of(Row.greedy(1, 2, 0), Row.greedy(7, 2, 0)), seen);

    assertArrayEquals(new byte[]{0, 1, 0, 1, 0, 0}, seen);
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void anyParameters_chooseTheTokenOfTheDefinition(Backend backend) {
    RandomGenerator random = Seeds.random("sampler");
    for (int vocabulary : new int[]{1, 2, 17, 100, 1000, 5003}) {
      List<Row> rows = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        rows.add(random(random, vocabulary));
      }
      int[] tokens = sample(backend, rows, new byte[rows.size() * vocabulary]);
      for (int i = 0; i < tokens.length; i++) {
        Row row = rows.get(i);
        assertEquals(byDefinition(row), tokens[i],
            () -> "vocabulary " + vocabulary + ", temperature " + row.temperature + ", top k "
                + row.topK + ", top p " + row.topP + ", min p " + row.minP);
      }
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void forbiddenTokens_areNeverChosen_andTakeNoPartInWhatIsKept(Backend backend) {
    Row greedy = Row.greedy(5, 4, Float.NaN, 3, 4).without(0);
    Row lastOne = new Row(new float[]{9, 9, -50}, new boolean[3], 7, 3, 5, 0, 1, 0, 1)
        .without(0, 1);
    Row topTwo = new Row(new float[]{9, 1, 8, -20, 2}, new boolean[5], 7, 3, 0.01f, 2, 1, 0, 1)
        .without(0, 2);

    assertArrayEquals(new int[]{1}, sample(backend, greedy));
    assertArrayEquals(new int[]{2}, sample(backend, lastOne));
    assertArrayEquals(new int[]{4}, sample(backend, topTwo));
  }

  private static Row random(RandomGenerator random, int vocabulary) {
    float[] logits = RandomKv.normal(random, vocabulary);
    boolean[] seen = new boolean[vocabulary];
    boolean ties = random.nextInt(4) == 0;
    for (int i = 0; i < vocabulary; i++) {
      logits[i] = ties ? Math.round(logits[i]) : logits[i] * 3;
      seen[i] = random.nextInt(3) == 0;
    }
    return new Row(logits, seen, random.nextInt(1 << 20), random.nextLong(),
        random.nextInt(8) == 0 ? 0 : 0.1f + 2 * random.nextFloat(),
        random.nextBoolean() ? 0 : 1 + random.nextInt(2 * vocabulary),
        random.nextBoolean() ? 1 : random.nextFloat(),
        random.nextBoolean() ? 0 : random.nextFloat(), random.nextBoolean() ? 1 : 1.3f)
        .without(forbidden(random, vocabulary));
  }

  /** None, some or all but one. */
  private static int[] forbidden(RandomGenerator random, int vocabulary) {
    int left = random.nextInt(vocabulary);
    return switch (random.nextInt(4)) {
      case 0 -> IntStream.range(0, vocabulary).filter(i -> i != left).toArray();
      case 1 -> random.ints(vocabulary / 2, 0, vocabulary).filter(i -> i != left).toArray();
      default -> new int[0];
    };
  }

  /** The Javadoc of {@link TokenSampler}, step by step. */
  private static int byDefinition(Row row) {
    float[] logits = row.logits.clone();
    for (int i = 0; i < logits.length; i++) {
      if (row.seen[i]) {
        logits[i] = logits[i] > 0 ? logits[i] / row.penalty : logits[i] * row.penalty;
      }
      if (row.forbidden[i]) {
        logits[i] = Float.NEGATIVE_INFINITY;
      }
    }
    List<Integer> ids = new ArrayList<>(IntStream.range(0, logits.length).boxed().toList());
    ids.sort((a, b) -> logits[a] != logits[b]
        ? Float.compare(logits[b], logits[a])
        : Integer.compare(a, b));
    if (row.temperature == 0) {
      return ids.getFirst();
    }
    double[] p = new double[logits.length];
    for (int id : ids) {
      p[id] = Math.exp(((double) logits[id] - logits[ids.getFirst()]) / row.temperature);
    }
    List<Integer> top = ids.subList(0, row.topK == 0 ? ids.size() : Math.min(row.topK, ids.size()));
    double total = top.stream().mapToDouble(id -> p[id]).sum();
    List<Integer> likely = new ArrayList<>();
    double prefix = 0;
    for (int id : top) {
      if ((likely.isEmpty() || row.topP == 1 || prefix / total < row.topP) && p[id] >= row.minP) {
        likely.add(id); // the largest has p 1
      }
      prefix += p[id];
    }
    double left = likely.stream().mapToDouble(id -> p[id]).sum();
    double target = left * TokenSampler.uniform(row.seed, row.position + 1);
    double reached = 0;
    for (int id : likely) {
      reached += p[id];
      if (reached > target) {
        return id;
      }
    }
    return likely.getLast();
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void draws_haveTheProbabilitiesOfTheSoftmax(Backend backend) {
    float[] logits = {0, (float) Math.log(2), (float) Math.log(3), (float) Math.log(4)};
    List<Row> rows = IntStream.range(0, 10_000)
        .mapToObj(i -> new Row(logits, new boolean[4], i, 99, 1, 0, 1, 0, 1)).toList();
    int[] counts = new int[4];

    for (int token : sample(backend, rows, new byte[40_000])) {
      counts[token]++;
    }

    for (int token = 0; token < 4; token++) {
      assertEquals(1_000 * (token + 1), counts[token], 250, "token " + token);
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void draw_doesNotDependOnTheBatch(Backend backend) {
    RandomGenerator random = Seeds.random("batch");
    List<Row> rows = IntStream.range(0, 5).mapToObj(i -> random(random, 300)).toList();
    int[] together = sample(backend, rows, new byte[5 * 300]);

    for (int i = 0; i < 5; i++) {
      assertEquals(together[i], sample(backend, rows.get(i))[0]);
    }
  }

  @Test
  void uniform_isInRangeAndPartOfWhatASeedMeans() {
    RandomGenerator random = Seeds.random("uniform");
    double sum = 0;
    for (int i = 0; i < 10_000; i++) {
      float uniform = TokenSampler.uniform(random.nextLong(), random.nextInt());
      assertTrue(uniform >= 0 && uniform < 1, "uniform " + uniform);
      sum += uniform;
    }
    assertEquals(0.5, sum / 10_000, 0.02);
    assertEquals(TokenSampler.uniform(42, 7), TokenSampler.uniform(42, 7));
  }
}
