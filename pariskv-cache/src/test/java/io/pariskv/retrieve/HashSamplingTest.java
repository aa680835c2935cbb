package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.index.HashIndex;
import io.pariskv.index.SimHash;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.Hashed;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class HashSamplingTest {
  static Stream<Arguments> sizes() {
    return TestBackends.comparedWith(Stream.concat(
        Stream.concat(Size.all(), Stream.of(
            new Size(List.of(40, 33), 1, 9, 16, DType.BF16, RandomKv.NORMAL),
            new Size(List.of(1_030), 2, 8, 32, DType.BF16, RandomKv.COMMON_MEAN))),
        Size.all().skip(3).limit(4).map(size -> size.withHeadDim(size.rows() % 2 == 0 ? 72 : 33))));
  }

  /** Few planes where there are many keys: the oracle is slow. Among the others are more than a GPU's block has room for. */
  private static SimHash hash(Size size) {
    int zone = size.zones().getFirst();
    return switch (zone) {
      case 31 -> new SimHash(11, 300);
      case 32 -> new SimHash(16, 200);
      case 33 -> new SimHash(1, 2);
      case 40 -> new SimHash(10, 150);
      default -> zone > 5_000
          ? new SimHash(3, 5)
          : new SimHash(2 + zone % 5, zone > 40 ? 5 + zone % 6 : 40 + zone);
    };
  }

  private static Hashed.Sample[] sample(Backend backend, Size size) {
    try (Fixture fixture = new Fixture(backend, size);
        Hashed hashed = new Hashed(fixture, size, hash(size), SimHash.SEED).encode()) {
      return hashed.sample(fixture.queries());
    }
  }

  private static void assertSameOnAllBackends(Backend backend, Size size) {
    Hashed.Sample[] samples = sample(backend, size);
    try (ScalarBackend scalar = new ScalarBackend()) {
      Hashed.Sample[] oracle = sample(scalar, size);
      assertEquals(oracle.length, samples.length);
      for (int head = 0; head < oracle.length; head++) {
        assertArrayEquals(oracle[head].positions(), samples[head].positions(), size::toString);
        Tolerance.assertSameBits(oracle[head].logWeights(), samples[head].logWeights(),
            () -> size + ", " + hash(size));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void samples_areTheSameOnAllBackends(Backend backend, Size size) {
    assertSameOnAllBackends(backend, size);
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("io.pariskv.testing.TestBackends#withLongSizes")
  void samplesOfLongZones_areTheSameOnAllBackends(Backend backend, Size size) {
    assertSameOnAllBackends(backend, size);
  }

  /** By the definition, in double; keys on a plane, as far as float can tell, are left out. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void aSampledKey_sharesTwoTables_andWeighsByItsAngleFromTheMean(Backend backend) {
    Size size = new Size(List.of(1_100, 60), 2, 3, 32, DType.BF16, RandomKv.COMMON_MEAN);
    SimHash hash = new SimHash(3, 10);
    float[] planes = hash.planes(32, SimHash.SEED);
    try (Fixture fixture = new Fixture(backend, size);
        Hashed hashed = new Hashed(fixture, size, hash, SimHash.SEED).encode()) {
      float[] queries = fixture.queries();
      Hashed.Sample[] samples = hashed.sample(queries);
      int compared = 0;
      for (int head = 0; head < samples.length; head++) {
        int row = head / size.heads();
        int kvHead = head % size.heads() / size.group();
        float[] mean = hashed.mean(row, kvHead);
        double[] q = new double[32];
        for (int i = 0; i < 32; i++) {
          q[i] = queries[head * 32 + i];
        }
        for (int key = 0; key < size.zones().get(row); key++) {
          double[] k = new double[32];
          for (int i = 0; i < 32; i++) {
            k[i] = fixture.key(row, kvHead, Fixture.SINK + key)[i] - (double) mean[i];
          }
          int collisions = collisions(hash, planes, q, k);
          int place = Arrays.binarySearch(samples[head].positions(), key);
          if (collisions >= 0) {
            compared++;
            assertEquals(collisions >= 2, place >= 0);
          }
          if (place >= 0) {
            double cosine = dot(q, k) / Math.sqrt(dot(q, q) * dot(k, k));
            assertEquals(hash.logWeight(cosine), samples[head].logWeights()[place], 2e-4);
          }
        }
      }
      assertTrue(compared > 3_000, "compared " + compared);
    }
  }

  /** -1 if a bit cannot be told. */
  private static int collisions(SimHash hash, float[] planes, double[] q, double[] k) {
    int collisions = 0;
    for (int table = 0; table < hash.tables(); table++) {
      boolean same = true;
      for (int j = 0; j < hash.bits(); j++) {
        double ofQuery = 0;
        double ofKey = 0;
        for (int i = 0; i < q.length; i++) {
          float w = planes[i * hash.stride() + table * hash.bits() + j];
          ofQuery += q[i] * w;
          ofKey += k[i] * w;
        }
        if (Math.abs(ofKey) < 1e-4 || Math.abs(ofQuery) < 1e-4) {
          return -1;
        }
        same &= ofKey > 0 == ofQuery > 0;
      }
      collisions += same ? 1 : 0;
    }
    return collisions;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  /**
   * Over random planes the weighted sums of a sample are those over all keys: of the weights that softmax divides by, and
   * of a value. Within six standard errors of 400 samples, since every run has another seed, and what adding 0.0001 to a probability takes away.
   */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void weightedSums_areUnbiased(Backend backend) {
    Size size = new Size(List.of(200), 1, 2, 16, DType.F32, RandomKv.COMMON_MEAN);
    SimHash hash = new SimHash(3, 8);
    int samples = 400;
    double[][] estimates = new double[4][samples];
    double[] exact = new double[4];
    double lost;
    try (Fixture fixture = new Fixture(backend, size)) {
      float[] queries = fixture.queries();
      double[][] powers = new double[2][200];
      double[] values = new double[200];
      for (int key = 0; key < 200; key++) {
        values[key] = fixture.value(0, 0, Fixture.SINK + key)[3];
        for (int head = 0; head < 2; head++) {
          double score = 0;
          for (int i = 0; i < 16; i++) {
            score += queries[head * 16 + i] * fixture.key(0, 0, Fixture.SINK + key)[i] / 4;
          }
          powers[head][key] = Math.exp(score);
          exact[2 * head] += powers[head][key];
          exact[2 * head + 1] += powers[head][key] * values[key];
        }
      }
      RandomGenerator random = Seeds.random("planes");
      double least = 1;
      for (int n = 0; n < samples; n++) {
        try (Hashed hashed = new Hashed(fixture, size, hash, random.nextLong()).encode()) {
          Hashed.Sample[] sample = hashed.sample(queries);
          for (int head = 0; head < 2; head++) {
            for (int i = 0; i < sample[head].positions().length; i++) {
              int key = sample[head].positions()[i];
              double weight = powers[head][key] * Math.exp(sample[head].logWeights()[i]);
              estimates[2 * head][n] += weight;
              estimates[2 * head + 1][n] += weight * values[key];
              least = Math.min(least, Math.exp(-sample[head].logWeights()[i]));
            }
          }
        }
      }
      lost = 1e-4 / least;
    }
    for (int i = 0; i < 4; i++) {
      double mean = Arrays.stream(estimates[i]).average().orElseThrow();
      double square = Arrays.stream(estimates[i]).map(x -> (x - mean) * (x - mean)).sum();
      double error = Math.sqrt(square / (samples - 1) / samples);
      assertTrue(error < 0.1 * exact[i - i % 2], "the samples tell nothing");
      assertEquals(exact[i], mean, 6 * error + lost * exact[i - i % 2], "sum " + i);
    }
  }

  /** One softmax over sampled and other keys is what two are that are merged by their log-sum-exp. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void attendingASample_isTheMergeOfTwoSoftmaxes(Backend backend) {
    Size size = new Size(List.of(300), 2, 2, 32, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size);
        Hashed hashed = new Hashed(fixture, size, new SimHash(4, 10), SimHash.SEED).encode()) {
      float[] queries = fixture.queries();
      Hashed.Sample[] samples = hashed.sample(queries);
      double[] expected = new double[4 * 32];
      for (int head = 0; head < 4; head++) {
        assertTrue(samples[head].positions().length > 5);
        double[] far = new double[33]; // numerator, then log-sum-exp
        double[] near = new double[33];
        attend(fixture, queries, head, IntStream.of(samples[head].positions())
            .map(p -> p + Fixture.SINK).toArray(), samples[head].logWeights(), far);
        int[] others = IntStream.concat(IntStream.range(0, Fixture.SINK),
            IntStream.range(fixture.length(0) - Fixture.LOCAL, fixture.length(0))).toArray();
        attend(fixture, queries, head, others, new float[others.length], near);
        double share = 1 / (1 + Math.exp(near[32] - far[32]));
        for (int i = 0; i < 32; i++) {
          expected[head * 32 + i] = share * far[i] + (1 - share) * near[i];
        }
      }
      Buffers buffers = fixture.buffers();
      Buffer out = buffers.empty(DType.F32, 1, 4, 32);
      int capacity = 300;
      int[] positions = new int[4 * capacity];
      float[] weights = new float[4 * capacity];
      int[] counts = new int[4];
      for (int head = 0; head < 4; head++) {
        counts[head] = samples[head].positions().length;
        System.arraycopy(samples[head].positions(), 0, positions, head * capacity, counts[head]);
        System.arraycopy(samples[head].logWeights(), 0, weights, head * capacity, counts[head]);
      }
      backend.attention().perHead().attend(fixture.kv(), Fixture.LAYER, fixture.batch(),
          buffers.of(queries, 1, 4, 32),
          new Selection(buffers.of(positions, 1, 4, capacity), buffers.of(counts, 1, 4)),
          buffers.of(weights, 1, 4, capacity), out);
      Tolerance.assertClose(expected, buffers.floats(out), 2e-5, size::toString);
    }
  }

  private static void attend(Fixture fixture, float[] queries, int head, int[] positions,
      float[] logWeights, double[] result) {
    double[] scores = new double[positions.length];
    double most = Double.NEGATIVE_INFINITY;
    for (int n = 0; n < scores.length; n++) {
      float[] k = fixture.key(0, head / 2, positions[n]);
      for (int i = 0; i < 32; i++) {
        scores[n] += queries[head * 32 + i] * (double) k[i] / Math.sqrt(32);
      }
      scores[n] += logWeights[n];
      most = Math.max(most, scores[n]);
    }
    double sum = 0;
    for (int n = 0; n < scores.length; n++) {
      double power = Math.exp(scores[n] - most);
      sum += power;
      for (int i = 0; i < 32; i++) {
        result[i] += power * fixture.value(0, head / 2, positions[n])[i];
      }
    }
    for (int i = 0; i < 32; i++) {
      result[i] /= sum;
    }
    result[32] = most + Math.log(sum);
  }

  /** Keys are seen from their mean: moving all of them, without rounding, changes nothing. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void movingAllKeys_changesNoSample_andNoWeight(Backend backend) {
    RandomGenerator random = Seeds.random("moved");
    float[] keys = new float[256 * 16]; // a power of two of small whole sixteenths: the mean is exact
    for (int i = 0; i < keys.length; i++) {
      keys[i] = random.nextInt(-64, 65) / 16f;
    }
    float[] moved = keys.clone();
    for (int i = 0; i < keys.length; i++) {
      moved[i] += i % 16 * 3 - 20;
    }
    float[] query = RandomKv.normal(random, 16);
    Hashed.Sample still = sample(backend, keys, query);
    Hashed.Sample other = sample(backend, moved, query);
    assertTrue(still.positions().length > 10);
    assertArrayEquals(still.positions(), other.positions());
    assertArrayEquals(still.logWeights(), other.logWeights(), 0);
  }

  private static Hashed.Sample sample(Backend backend, float[] keys, float[] query) {
    int count = keys.length / 16;
    KvShape shape = new KvShape(1, 1, 1, 16, DType.F32);
    SimHash hash = new SimHash(4, 10);
    try (KvStore kv = backend.newKvStore(shape, 1);
        Buffers buffers = new Buffers(backend);
        HashIndex index = new HashIndex(hash,
            buffers.of(hash.planes(16, SimHash.SEED), 16, hash.stride()),
            buffers.of(hash.logWeights(), SimHash.INTERVALS + 1L),
            backend.newZoneTable(shape, 1, DType.F32, 16, TokenSlabs.SLAB_TOKENS),
            backend.newZoneTable(shape, 1, DType.I32, HashIndex.width(hash),
                TokenSlabs.SLAB_TOKENS))) {
      kv.open();
      kv.reserve(0, count);
      Buffer rows = buffers.of(keys, count, 1, 16);
      backend.attention().append().append(kv, 0,
          new Batch(count, buffers.of(new int[count], count),
              buffers.of(IntStream.range(0, count).toArray(), count)),
          rows, rows);
      TokenZones zones = new TokenZones(0, count, count);
      kv.setZones(0, zones);
      index.means().reserve(0, 1);
      index.signatures().reserve(0, count);
      backend.hashes().mean().find(kv, 0, 0, zones, index);
      backend.hashes().hashing().encode(kv, 0, 0, 0, zones, index);
      Selection sampled = new Selection(buffers.empty(DType.I32, 1, 1, count),
          buffers.empty(DType.I32, 1, 1));
      Buffer logWeights = buffers.empty(DType.F32, 1, 1, count);
      backend.hashes().sampling().sample(kv, 0,
          new Batch(1, buffers.of(new int[1], 1), buffers.of(new int[]{count - 1}, 1)),
          buffers.of(query, 1, 1, 16), index, sampled, logWeights);
      int found = buffers.ints(sampled.counts())[0];
      return new Hashed.Sample(Arrays.copyOf(buffers.ints(sampled.positions()), found),
          Arrays.copyOf(buffers.floats(logWeights), found));
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void samplesOfKvHeads_andWithoutRoomForWeights_areRefused(Backend backend) {
    Size size = new Size(List.of(8), 2, 2, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size);
        Hashed hashed = new Hashed(fixture, size, new SimHash(2, 3), SimHash.SEED).encode()) {
      Buffers buffers = fixture.buffers();
      Buffer q = buffers.empty(DType.F32, 1, 4, 16);
      Selection ofKvHeads = new Selection(buffers.empty(DType.I32, 1, 2, 8),
          buffers.empty(DType.I32, 1, 2));
      Selection sampled = new Selection(buffers.empty(DType.I32, 1, 4, 8),
          buffers.empty(DType.I32, 1, 4));
      HashSampling stage = backend.hashes().sampling();

      assertRefused(IllegalArgumentException.class,
          () -> stage.sample(fixture.kv(), Fixture.LAYER, fixture.batch(), q, hashed.index(),
              ofKvHeads, buffers.empty(DType.F32, 1, 2, 8)),
          "sampled counts", "[1][4]", "[1][2]");
      assertRefused(IllegalArgumentException.class,
          () -> stage.sample(fixture.kv(), Fixture.LAYER, fixture.batch(), q, hashed.index(),
              sampled, buffers.empty(DType.F32, 1, 4, 7)),
          "log-weights", "[1][4][8]", "[1][4][7]");
    }
  }
}
