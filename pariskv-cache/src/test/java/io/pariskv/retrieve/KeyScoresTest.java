package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class KeyScoresTest {

  static Stream<Arguments> sizes() {
    Stream<Size> longest = TestBackends.takesLongSizes() ? Size.longest().limit(1) : Stream.empty();
    return TestBackends.with(Stream.of(Size.all(), longest,
        Size.all().skip(3).limit(4).map(size -> size.withHeadDim(size.rows() % 2 == 0 ? 72 : 33)),
        Stream.of(new Size(List.of(77, 5), 2, 9, 64, DType.BF16, RandomKv.NORMAL)))
        .flatMap(each -> each));
  }

  private static int heads(Size size, Grouping grouping) {
    return grouping == Grouping.MEAN ? size.kvHeads() : size.heads();
  }

  private static float[] scores(Backend backend, Size size, Grouping grouping) {
    try (Fixture fixture = new Fixture(backend, size)) {
      Buffers buffers = fixture.buffers();
      int capacity = size.zones().stream().max(Integer::compare).orElseThrow() + 3;
      Buffer scores = buffers.empty(DType.F32, size.rows(), heads(size, grouping), capacity);
      backend.selection().keyScores().score(fixture.kv(), Fixture.LAYER, fixture.batch(),
          buffers.of(fixture.queries(), size.rows(), size.heads(), size.headDim()), grouping,
          scores);
      return buffers.floats(scores);
    }
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void scores_areInnerProductsOfTheStoredKeys_andTheSameBitsOnAllBackends(Backend backend,
      Size size) {
    for (Grouping grouping : Grouping.values()) {
      float[] actual = scores(backend, size, grouping);
      try (ScalarBackend scalar = new ScalarBackend();
          Fixture fixture = new Fixture(scalar, size)) {
        float[] oracle = scores(scalar, size, grouping);
        float[] q = fixture.queries();
        int heads = heads(size, grouping);
        int group = size.heads() / heads;
        int capacity = actual.length / (size.rows() * heads);
        for (int head = 0; head < size.rows() * heads; head++) {
          int at = head * capacity;
          int row = head / heads;
          int keys = size.zones().get(row);
          String name = size + ", " + grouping + ", head " + head;
          Tolerance.assertSameBits(Arrays.copyOfRange(oracle, at, at + keys),
              Arrays.copyOfRange(actual, at, at + keys), () -> name);
          int step = 1 + keys / 300;
          for (int key = 0; key < keys; key += step) {
            float[] k = fixture.key(row, head % heads / (heads / size.kvHeads()),
                Fixture.SINK + key);
            double expected = 0;
            double magnitude = 0;
            for (int i = 0; i < k.length; i++) {
              double mean = 0;
              for (int g = 0; g < group; g++) {
                mean += q[(head * group + g) * k.length + i] / (double) group;
                magnitude += Math.abs(q[(head * group + g) * k.length + i] * (double) k[i]);
              }
              expected += mean * k[i];
            }
            Tolerance.assertClose(new double[]{expected}, new float[]{actual[at + key]},
                1e-6 * magnitude, () -> name);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void scoresForOtherHeads_areRefusedWithBothShapes(Backend backend) {
    Size size = new Size(List.of(8), 2, 2, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size)) {
      Buffer q = fixture.buffers().empty(DType.F32, 1, 4, 16);
      Buffer scores = fixture.buffers().empty(DType.F32, 1, 4, 8);
      KeyScores stage = backend.selection().keyScores();

      assertRefused(IllegalArgumentException.class, () -> stage.score(fixture.kv(), Fixture.LAYER,
          fixture.batch(), q, Grouping.MEAN, scores), "scores", "[1][2][", "[1][4][8]");
      assertRefused(IllegalArgumentException.class, () -> stage.score(fixture.kv(), Fixture.LAYER,
          fixture.batch(), scores, Grouping.PER_HEAD, scores), "queries", "[1][4][16]",
          "[1][4][8]");
    }
  }
}
