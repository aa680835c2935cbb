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
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.jspecify.annotations.Nullable;

@Seeded
@Tag("stages")
class DecodeAttentionTest {

  /** Many heads, so that a backend has few workers for each. */
  private static final List<Size> BUSY = List.of(
      new Size(List.of(1000, 501, 0, 3, 40), 8, 10, 64, DType.BF16, RandomKv.COMMON_MEAN),
      new Size(List.of(2049, 17), 8, 4, 128, DType.BF16, RandomKv.SPREAD_NORMS));

  /** The shared sizes, busy ones, and head sizes that only full attention takes. */
  static Stream<Arguments> sizes() {
    return TestBackends.withLong(Stream.of(Size.all(), Size.common(), BUSY.stream(),
        Size.all().skip(7).limit(7).map(size -> size.withHeadDim(80 + 16 * (size.rows() % 2))))
        .flatMap(each -> each));
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void withASelection_attendsSinkSelectedAndRecent(Backend backend, Size size) {
    RandomGenerator random = Seeds.random(size, "selection");
    int[][] selected = new int[size.rows() * size.kvHeads()][];
    for (int i = 0; i < selected.length; i++) {
      int zone = size.zones().get(i / size.kvHeads());
      int every = 1 + random.nextInt(9);
      int first = random.nextInt(every);
      selected[i] = IntStream.range(0, zone).filter(p -> p % every == first).toArray();
    }
    check(backend, size, 0, selected);
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void withoutASelection_skipsTheRetrievalZone(Backend backend, Size size) {
    check(backend, size, 0, null);
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void inALayerWithASlidingWindow_attendsTheLastTokensWhateverTheZones(Backend backend, Size size) {
    check(backend, size, 1 + Seeds.random(size, "window").nextInt(300), null);
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void attendingAll_isFullAttentionWhateverTheZones(Backend backend, Size size) {
    for (int window : new int[]{0, 1 + Seeds.random(size, "window").nextInt(300)}) {
      try (Fixture fixture = new Fixture(backend, size, window)) {
        Buffers buffers = fixture.buffers();
        float[] q = fixture.queries();
        Buffer out = buffers.empty(DType.F32, size.rows(), size.heads(), size.headDim());

        backend.attention().decode().attendAll(fixture.kv(), Fixture.LAYER, fixture.batch(),
            buffers.of(q, size.rows(), size.heads(), size.headDim()), out);

        DenseAttention expected = new DenseAttention(fixture, size, size.rows());
        for (int head = 0; head < size.rows() * size.heads(); head++) {
          int length = fixture.length(head / size.heads());
          expected.attend(head, q, head / size.heads(), head % size.heads() / size.group(),
              IntStream.range(window > 0 ? Math.max(0, length - window) : 0, length).toArray());
        }
        Tolerance.assertClose(expected.out, buffers.floats(out), expected::tolerance,
            () -> size + ", window " + window);
      }
    }
  }

  private static void check(Backend backend, Size size, int window, int @Nullable [][] selected) {
    try (Fixture fixture = new Fixture(backend, size, window)) {
      Buffers buffers = fixture.buffers();
      float[] q = fixture.queries();
      Buffer out = buffers.empty(DType.F32, size.rows(), size.heads(), size.headDim());
      Selection selection = selected == null ? null : selection(buffers, size, selected);

      backend.attention().decode().attend(fixture.kv(), Fixture.LAYER, fixture.batch(),
          buffers.of(q, size.rows(), size.heads(), size.headDim()), selection, out);

      DenseAttention expected = new DenseAttention(fixture, size, size.rows());
      for (int head = 0; head < size.rows() * size.heads(); head++) {
        int row = head / size.heads();
        int kvHead = head % size.heads() / size.group();
        int[] positions = positions(fixture, row, window,
            selected == null ? new int[0] : selected[row * size.kvHeads() + kvHead]);
        expected.attend(head, q, row, kvHead, positions);
      }
      Tolerance.assertClose(expected.out, buffers.floats(out), expected::tolerance,
          () -> size + ", window " + window);
    }
  }

  private static int[] positions(Fixture fixture, int row, int window, int[] selected) {
    int length = fixture.length(row);
    BitSet chosen = new BitSet(length);
    IntStream.of(selected).forEach(zone -> chosen.set(zone + Fixture.SINK));
    return IntStream.range(0, length)
        .filter(position -> window > 0
            ? position >= length - window
            : position < Fixture.SINK || position >= length - Fixture.LOCAL || chosen.get(position))
        .toArray();
  }

  private static Selection selection(Buffers buffers, Size size, int[][] selected) {
    int capacity = 1 + Stream.of(selected).mapToInt(each -> each.length).max().orElseThrow();
    int[] positions = new int[selected.length * capacity];
    Arrays.fill(positions, -1); // what is beyond the count must not be read
    for (int i = 0; i < selected.length; i++) {
      System.arraycopy(selected[i], 0, positions, i * capacity, selected[i].length);
    }
    int[] counts = Stream.of(selected).mapToInt(each -> each.length).toArray();
    return new Selection(buffers.of(positions, size.rows(), size.kvHeads(), capacity),
        buffers.of(counts, size.rows(), size.kvHeads()));
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void queriesOfAnotherShape_areRefusedWithBothShapes(Backend backend) {
    Size size = new Size(List.of(8), 2, 2, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size)) {
      Buffer q = fixture.buffers().empty(DType.F32, 1, 4, 16);
      Buffer out = fixture.buffers().empty(DType.F32, 1, 4, 32);

      assertRefused(IllegalArgumentException.class, () -> backend.attention().decode()
          .attend(fixture.kv(), Fixture.LAYER, fixture.batch(), q, null, out), "[1][4][16]",
          "[1][4][32]");
    }
  }
}
