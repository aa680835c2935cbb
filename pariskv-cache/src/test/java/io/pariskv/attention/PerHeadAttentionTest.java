package io.pariskv.attention;

import static io.pariskv.testing.Refusal.assertRefused;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class PerHeadAttentionTest {

  /** What may be added to scores. */
  enum LogWeights {
    /** None are given. */
    NONE,
    /** As for sampled keys: minus the logarithm of a probability. */
    SAMPLED,
    /** Some keys weigh nothing. */
    SOME_WITHOUT_WEIGHT
  }

  /** The keys of every query head, zone positions in the order of the selection, and what is added to their scores. */
  private record Chosen(int[][] positions, float[][] logWeights) {
  }

  static Stream<Arguments> sizes() {
    return TestBackends.withLong(Stream.of(Size.all(), Size.common(),
        Stream.of(new Size(List.of(2049, 17), 8, 4, 128, DType.BF16, RandomKv.SPREAD_NORMS)),
        Size.all().skip(5).limit(5).map(size -> size.withHeadDim(80)),
        Size.all().skip(8).limit(4).map(size -> size.withHeadDim(33)),
        Size.all().skip(3).limit(2).map(size -> size.withHeadDim(520))).flatMap(each -> each));
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void everyHead_attendsKeysOfItsOwn_besidesSinkAndRecent(Backend backend, Size size) {
    check(backend, size, 0, LogWeights.NONE);
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void logWeights_areAddedToTheScoresOfSelectedKeysAlone(Backend backend, Size size) {
    check(backend, size, 0, LogWeights.SAMPLED);
    check(backend, size, 0, LogWeights.SOME_WITHOUT_WEIGHT);
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void inALayerWithASlidingWindow_theSelectionIsNotRead(Backend backend, Size size) {
    check(backend, size, 1 + Seeds.random(size, "window").nextInt(300), LogWeights.SAMPLED);
  }

  private static void check(Backend backend, Size size, int window, LogWeights kind) {
    Chosen chosen = chosen(size, kind);
    try (Fixture fixture = new Fixture(backend, size, window)) {
      Buffers buffers = fixture.buffers();
      float[] q = fixture.queries();
      Buffer out = buffers.empty(DType.F32, size.rows(), size.heads(), size.headDim());
      Selection selection = selection(buffers, size, chosen);
      int capacity = selection.capacity();

      backend.attention().perHead().attend(fixture.kv(), Fixture.LAYER, fixture.batch(),
          buffers.of(q, size.rows(), size.heads(), size.headDim()), selection,
          kind == LogWeights.NONE ? null : logWeights(buffers, size, chosen, capacity), out);

      DenseAttention expected = new DenseAttention(fixture, size, size.rows());
      for (int head = 0; head < size.rows() * size.heads(); head++) {
        int row = head / size.heads();
        int length = fixture.length(row);
        int[] zone = chosen.positions[head];
        int[] positions = window > 0
            ? IntStream.range(Math.max(0, length - window), length).toArray()
            : IntStream.concat(IntStream.of(zone).map(p -> p + Fixture.SINK),
                IntStream.concat(IntStream.range(0, Fixture.SINK),
                    IntStream.range(length - Fixture.LOCAL, length)))
                .toArray();
        double[] added = new double[positions.length];
        for (int i = 0; window == 0 && i < zone.length; i++) {
          added[i] = chosen.logWeights[head][i];
        }
        expected.attend(head, q, row, head % size.heads() / size.group(), positions, added);
      }
      Tolerance.assertClose(expected.out, buffers.floats(out), expected::tolerance,
          () -> size + ", window " + window + ", " + kind);
    }
  }

  /** Every head has other keys, in any order; every fifth none, some all. */
  private static Chosen chosen(Size size, LogWeights kind) {
    RandomGenerator random = Seeds.random(size, kind);
    int heads = size.rows() * size.heads();
    Chosen chosen = new Chosen(new int[heads][], new float[heads][]);
    for (int head = 0; head < heads; head++) {
      int zone = size.zones().get(head / size.heads());
      int every = head % 5 == 4 ? zone + 1 : 1 + random.nextInt(9);
      int first = random.nextInt(every);
      List<Integer> keys = new ArrayList<>(
          IntStream.range(0, zone).filter(p -> p % every == first).boxed().toList());
      Collections.shuffle(keys, Random.from(random));
      chosen.positions[head] = head % 5 == 4
          ? new int[0]
          : keys.stream().mapToInt(Integer::intValue).toArray();
      chosen.logWeights[head] = new float[chosen.positions[head].length];
      for (int i = 0; kind != LogWeights.NONE && i < chosen.logWeights[head].length; i++) {
        chosen.logWeights[head][i] = kind == LogWeights.SOME_WITHOUT_WEIGHT && random.nextBoolean()
            ? Float.NEGATIVE_INFINITY
            : (float) -Math.log(random.nextDouble() + 1e-4);
      }
    }
    return chosen;
  }

  private static Selection selection(Buffers buffers, Size size, Chosen chosen) {
    int capacity = 1
        + Stream.of(chosen.positions).mapToInt(each -> each.length).max().orElseThrow();
    int[] positions = new int[chosen.positions.length * capacity];
    Arrays.fill(positions, -1); // what is beyond the count must not be read
    for (int i = 0; i < chosen.positions.length; i++) {
      System.arraycopy(chosen.positions[i], 0, positions, i * capacity, chosen.positions[i].length);
    }
    int[] counts = Stream.of(chosen.positions).mapToInt(each -> each.length).toArray();
    return new Selection(buffers.of(positions, size.rows(), size.heads(), capacity),
        buffers.of(counts, size.rows(), size.heads()));
  }

  private static Buffer logWeights(Buffers buffers, Size size, Chosen chosen, int capacity) {
    float[] all = new float[chosen.logWeights.length * capacity];
    Arrays.fill(all, Float.NaN); // what is beyond the count must not be read
    for (int i = 0; i < chosen.logWeights.length; i++) {
      System.arraycopy(chosen.logWeights[i], 0, all, i * capacity, chosen.logWeights[i].length);
    }
    return buffers.of(all, size.rows(), size.heads(), capacity);
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void buffersOfAnotherShape_areRefusedWithBothShapes(Backend backend) {
    Size size = new Size(List.of(8), 2, 2, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size)) {
      Buffers buffers = fixture.buffers();
      Buffer rows = buffers.empty(DType.F32, 1, 4, 16);
      Function<Integer, Selection> ofHeads = heads -> new Selection(
          buffers.empty(DType.I32, 1, heads, 8), buffers.empty(DType.I32, 1, heads));

      assertRefused(IllegalArgumentException.class, () -> backend.attention().perHead()
          .attend(fixture.kv(), Fixture.LAYER, fixture.batch(), rows, ofHeads.apply(2), null, rows),
          "selected counts", "[1][4]", "[1][2]");
      assertRefused(IllegalArgumentException.class, () -> backend.attention().perHead()
          .attend(fixture.kv(), Fixture.LAYER, fixture.batch(), rows, ofHeads.apply(4),
              buffers.empty(DType.F32, 1, 4, 9), rows),
          "log-weights", "[1][4][8]", "[1][4][9]");
    }
  }
}
