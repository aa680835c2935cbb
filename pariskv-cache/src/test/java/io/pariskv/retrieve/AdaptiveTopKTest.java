package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.TestBackends;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.Comparator;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class AdaptiveTopKTest {
  private static final int LAYER = 1;
  private static final int HEAD_DIM = 16;

  /** What the weights are like. */
  enum Weights {
    SOFTMAX, EQUAL, FEW_LEVELS, SPECIAL, ZERO, FAR_APART
  }

  record Case(int candidates, int k, int kvHeads, int rows, int share, Weights weights) {
    int keys() {
      return 2 * candidates;
    }

    /** The rows differ: the first has all candidates, the second half, the third a third of them. */
    int candidatesOf(int row) {
      return candidates / (row + 1);
    }

    /** The rows of the batch are the slots in reverse; slot 0 is another sequence, with more keys. */
    int slot(int row) {
      return rows - row;
    }

    KvShape shape() {
      return new KvShape(2, kvHeads, kvHeads, HEAD_DIM, DType.F32);
    }
  }

  static Stream<Arguments> cases() {
    Weights[] kinds = Weights.values();
    int[] kvHeads = {1, 2, 3, 8};
    int[] rows = {1, 2, 5};
    int[] shares = {55_706, 65_536, 1, 32_768, 62_259, 65_535};
    Stream<Case> cases = IntStream.of(0, 1, 2, 31, 33, 255, 257, 1000, 1025, 4099).boxed()
        .flatMap(count -> IntStream.of(0, 1, 7, count / 2, count, 5000).distinct()
            .mapToObj(k -> new Case(count, k, kvHeads[(count + k) % kvHeads.length],
                rows[(count + 2 * k) % rows.length], shares[(count + k + 1) % shares.length],
                kinds[(count / 2 + k) % kinds.length])));
    Stream<Case> large = Stream.of(kinds).flatMap(kind -> IntStream.of(7, 2048, 5000)
        .mapToObj(k -> new Case(20_001, k, 1, 2, 55_706, kind)));
    return TestBackends.with(Stream.concat(cases, large));
  }

  /** One call of the stage over keys whose values are as long as this says. */
  private static final class Call implements AutoCloseable {
    final Backend backend;
    final Case size;
    final Buffers buffers;
    final KeyIndex index;
    final ZoneTable norms;
    final Buffer totals;
    final float[][] lengths;

    Call(Backend backend, Case size, RandomGenerator random) {
      this.backend = backend;
      this.size = size;
      buffers = new Buffers(backend);
      index = backend.newKeyIndex(size.shape(), size.rows + 1);
      norms = backend.newZoneTable(size.shape(), size.rows + 1, DType.BF16, 1, 1);
      totals = buffers.empty(DType.I64, size.rows + 1, 2);
      backend.upload(MemorySegment.ofArray(new long[2 * size.rows + 2]), totals);
      lengths = new float[size.rows + 1][size.keys() * size.kvHeads];
      setBudget(0, size.keys() + 1_000, size.candidates + 1_000, size.k + 1_000);
      for (int row = 0; row < size.rows; row++) {
        setBudget(size.slot(row), size.keys(), size.candidatesOf(row), size.k);
        norms.reserve(size.slot(row), size.keys());
      }
      if (size.keys() > 0) {
        findNorms(random);
      }
    }

    private void setBudget(int slot, int... fields) {
      index.setBudget(slot, Arrays.copyOf(fields, KeyIndex.BUDGET_FIELDS));
    }

    /** By the stage that finds them, of values with one number that is not 0. */
    private void findNorms(RandomGenerator random) {
      int tokens = size.keys();
      float[] rows = new float[tokens * size.kvHeads * HEAD_DIM];
      try (KvStore kv = backend.newKvStore(size.shape(), size.rows + 1)) {
        IntStream.rangeClosed(0, size.rows).forEach(slot -> kv.open());
        for (int slot = 1; slot <= size.rows; slot++) {
          for (int i = 0; i < tokens * size.kvHeads; i++) {
            float length = random.nextInt(8) == 0 ? random.nextInt(3) : random.nextFloat();
            lengths[slot][i] = size.weights == Weights.EQUAL ? 2 : length;
            rows[i * HEAD_DIM + 3] = -lengths[slot][i];
          }
          int each = slot;
          kv.reserve(slot, tokens);
          kv.setZones(slot, new TokenZones(0, tokens, tokens));
          backend.attention().append().append(kv, LAYER,
              new Batch(tokens,
                  buffers.of(IntStream.generate(() -> each).limit(tokens).toArray(), tokens),
                  buffers.of(IntStream.range(0, tokens).toArray(), tokens)),
              buffers.of(rows, tokens, size.kvHeads, HEAD_DIM),
              buffers.of(rows, tokens, size.kvHeads, HEAD_DIM));
          backend.retrieval().valueNorms().update(kv, LAYER, slot, 0,
              new TokenZones(0, tokens, tokens), norms);
        }
      }
    }

    float norm(int slot, int kvHead, int key) {
      return Bf16.toFloat(Bf16.fromFloat(lengths[slot][key * size.kvHeads + kvHead]));
    }

    Batch batch() {
      int[] slots = IntStream.range(0, size.rows).map(size::slot).toArray();
      return new Batch(size.rows, buffers.of(slots, size.rows),
          buffers.of(new int[size.rows], size.rows));
    }

    Selection selection(int capacity) {
      return new Selection(buffers.empty(DType.I32, size.rows, size.kvHeads, capacity),
          buffers.empty(DType.I32, size.rows, size.kvHeads));
    }

    @Override
    public void close() {
      norms.close();
      index.close();
      buffers.close();
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void selection_isTheBestByWeight_asManyAsContributeEnough(Backend backend, Case size) {
    RandomGenerator random = Seeds.random(size);
    int room = size.candidates + random.nextInt(9);
    int capacity = Math.min(size.k, size.candidates) + random.nextInt(3);
    int[] candidates = new int[size.rows * size.kvHeads * room];
    float[] weights = new float[candidates.length];
    for (int i = 0; i < candidates.length; i++) {
      int c = i % room;
      boolean isCandidate = c < size.candidatesOf(i / room / size.kvHeads);
      candidates[i] = isCandidate ? 2 * c + random.nextInt(2) : -7;
      weights[i] = isCandidate ? weight(size.weights, random) : Float.MAX_VALUE;
    }
    try (Call call = new Call(backend, size, random)) {
      Selection out = call.selection(capacity);
      long[] totals = new long[2 * size.rows + 2];
      for (int step = 0; step < 2; step++) {
        backend.retrieval().adaptiveTopK().select(call.index, LAYER, call.batch(),
            call.buffers.of(candidates, size.rows, size.kvHeads, room),
            call.buffers.of(weights, size.rows, size.kvHeads, room), call.norms, size.share, out,
            call.totals);
        int[] counts = call.buffers.ints(out.counts());
        int[] positions = call.buffers.ints(out.positions());
        for (int i = 0; i < size.rows * size.kvHeads; i++) {
          int from = i * room;
          int count = size.candidatesOf(i / size.kvHeads);
          int slot = size.slot(i / size.kvHeads);
          float[] own = new float[count];
          float[] each = new float[count];
          for (int c = 0; c < count; c++) {
            own[c] = weights[from + c] > 0 ? weights[from + c] : 0;
            float norm = call.norm(slot, i % size.kvHeads, candidates[from + c]);
            each[c] = Math.min(own[c] * norm, Float.MAX_VALUE);
          }
          int[] expected = enough(own, each, Math.min(size.k, count), size.share)
              .map(c -> candidates[from + c]).sorted().toArray();
          assertEquals(expected.length, counts[i], size::toString);
          assertArrayEquals(expected,
              Arrays.copyOfRange(positions, i * capacity, i * capacity + counts[i]),
              size::toString);
          totals[2 * slot] += counts[i];
          totals[2 * slot + 1] += Math.min(size.k, count) > 0 ? 1 : 0;
        }
      }
      long[] counted = new long[totals.length];
      backend.download(call.totals, MemorySegment.ofArray(counted));
      assertArrayEquals(totals, counted);
    }
  }

  /** The contract in whole numbers of any size: the largest weight that is enough, then the best so many. */
  private static IntStream enough(float[] weights, float[] each, int most, int share) {
    int[] order = IntStream.range(0, each.length).boxed()
        .sorted(Comparator.<Integer>comparingDouble(c -> -weights[c]).thenComparingInt(c -> c))
        .mapToInt(c -> c).toArray();
    double largest = IntStream.of(order).mapToDouble(c -> each[c]).max().orElse(0);
    if (largest == 0) {
      return Arrays.stream(order).limit(most);
    }
    BigInteger[] parts = new BigInteger[each.length];
    for (int c = 0; c < each.length; c++) {
      parts[c] = BigInteger.valueOf((long) (each[c] / (float) largest * (float) (1L << 40)));
    }
    BigInteger total = Arrays.stream(parts).reduce(BigInteger.ZERO, BigInteger::add);
    BigInteger enough = total
        .subtract(total.shiftRight(16).multiply(BigInteger.valueOf(65_536 - share)));
    BigInteger sum = BigInteger.ZERO;
    int last = -1;
    while (sum.compareTo(enough) < 0) {
      sum = sum.add(parts[order[++last]]);
    }
    float weight = weights[order[last]];
    long reaching = IntStream.of(order).filter(c -> weights[c] >= weight).count();
    return Arrays.stream(order).limit(Math.min(most, reaching));
  }

  private static float weight(Weights kind, RandomGenerator random) {
    float[] special = {Float.NaN, -0f, 0, -1, Float.MAX_VALUE, Float.MIN_VALUE, 1e-38f, 1e30f};
    return switch (kind) {
      case SOFTMAX -> (float) Math.exp(4 * random.nextGaussian());
      case EQUAL -> 0.25f;
      case FEW_LEVELS -> random.nextInt(4) / 8f;
      case SPECIAL -> special[random.nextInt(special.length)];
      case ZERO -> 0;
      case FAR_APART -> (float) Math.exp(15 * random.nextGaussian() - 15);
    };
  }

  /** What it is for: where few keys have the weight, few are read. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void aHeadThatLooksAtOneKey_takesOne_andOneThatLooksAtAll_takesTheShare(Backend backend) {
    Case size = new Case(100, 100, 2, 1, AdaptiveTopK.inParts(0.85), Weights.EQUAL);
    float[] weights = new float[200];
    Arrays.fill(weights, 0, 100, 0.001f);
    weights[37] = 1;
    for (int i = 0; i < 100; i++) {
      weights[100 + i] = 0.01f - 1e-7f * i;
    }
    int[] candidates = IntStream.range(0, 200).map(i -> i % 100).toArray();
    try (Call call = new Call(backend, size, Seeds.random("few"))) {
      Selection out = call.selection(100);
      backend.retrieval().adaptiveTopK().select(call.index, LAYER, call.batch(),
          call.buffers.of(candidates, 1, 2, 100), call.buffers.of(weights, 1, 2, 100), call.norms,
          size.share, out, call.totals);
      assertArrayEquals(new int[]{1, 85}, call.buffers.ints(out.counts()));
      assertEquals(37, call.buffers.ints(out.positions())[0]);
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void selectionWithTooLittleRoom_andSharesThatCannotBe_areRefused(Backend backend) {
    Case size = new Case(20, 10, 1, 1, 65_536, Weights.SOFTMAX);
    try (Call call = new Call(backend, size, Seeds.random("refused"))) {
      Buffer candidates = call.buffers.empty(DType.I32, 1, 1, 20);
      Buffer weights = call.buffers.empty(DType.F32, 1, 1, 20);
      AdaptiveTopK stage = backend.retrieval().adaptiveTopK();
      assertRefused(IllegalArgumentException.class, () -> stage.select(call.index, LAYER,
          call.batch(), candidates, weights, call.norms, 1, call.selection(9), call.totals),
          "[1][1][10]", "[1][1][9]");
      for (int share : new int[]{0, 65_537}) {
        assertRefused(IllegalArgumentException.class, () -> stage.select(call.index, LAYER,
            call.batch(), candidates, weights, call.norms, share, call.selection(10), call.totals),
            "share " + share, "65536");
      }
    }
    assertTrue(AdaptiveTopK.inParts(1e-9) == 1 && AdaptiveTopK.inParts(1) == 65_536);
  }
}
