package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.index.PageBounds;
import io.pariskv.index.ZoneTable;
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
class PageScoresTest {

  static Stream<Arguments> sizes() {
    return TestBackends.with(Stream.of(Size.all(),
        Size.all().skip(3).limit(4).map(size -> size.withHeadDim(size.rows() % 2 == 0 ? 72 : 33)),
        Stream.of(new Size(List.of(77, 5), 2, 9, 64, DType.BF16, RandomKv.NORMAL)))
        .flatMap(each -> each));
  }

  private static int pageSize(Size size) {
    return size.kvHeads() % 2 == 0 ? 16 : 4;
  }

  private static int heads(Size size, Grouping grouping) {
    return grouping == Grouping.MEAN ? size.kvHeads() : size.heads();
  }

  private static float[] scores(Backend backend, Size size, Grouping grouping) {
    try (Fixture fixture = new Fixture(backend, size);
        ZoneTable bounds = backend.newZoneTable(size.shape(0), size.rows(), size.dtype(),
            2 * size.headDim(), pageSize(size))) {
      for (int row = 0; row < size.rows(); row++) {
        bounds.reserve(fixture.slot(row), size.zones().get(row));
        backend.selection().pageBounds().update(fixture.kv(), Fixture.LAYER, fixture.slot(row),
            fixture.zones(row), 0, bounds);
      }
      Buffers buffers = fixture.buffers();
      int capacity = pages(size, size.zones().stream().max(Integer::compare).orElseThrow()) + 3;
      Buffer scores = buffers.empty(DType.F32, size.rows(), heads(size, grouping), capacity);
      backend.selection().pageScores().score(fixture.kv(), Fixture.LAYER, fixture.batch(),
          buffers.of(fixture.queries(), size.rows(), size.heads(), size.headDim()), bounds,
          grouping, scores);
      return buffers.floats(scores);
    }
  }

  private static int pages(Size size, int keys) {
    return PageBounds.pages(keys, pageSize(size));
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void bounds_areTheSameBitsOnAllBackends_andOfAGroupTheSumOfItsHeads(Backend backend, Size size) {
    float[] perHead = scores(backend, size, Grouping.PER_HEAD);
    float[] mean = scores(backend, size, Grouping.MEAN);
    try (ScalarBackend scalar = new ScalarBackend()) {
      float[] oracle = scores(scalar, size, Grouping.PER_HEAD);
      int capacity = perHead.length / (size.rows() * size.heads());
      float[] sums = new float[mean.length];
      for (int head = 0; head < size.rows() * size.heads(); head++) {
        int pages = pages(size, size.zones().get(head / size.heads()));
        int at = head * capacity;
        Tolerance.assertSameBits(Arrays.copyOfRange(oracle, at, at + pages),
            Arrays.copyOfRange(perHead, at, at + pages), size::toString);
        int to = head / size.group() * capacity;
        for (int page = 0; page < pages; page++) {
          float before = head % size.group() == 0 ? 0 : sums[to + page];
          sums[to + page] = before + perHead[at + page];
        }
      }
      for (int head = 0; head < size.rows() * size.kvHeads(); head++) {
        int pages = pages(size, size.zones().get(head / size.kvHeads()));
        assertTrue(Arrays.equals(sums, head * capacity, head * capacity + pages, mean,
            head * capacity, head * capacity + pages), size::toString);
      }
    }
  }

  /** Also as rounded: a bound and a score are added in the same order. */
  @ParameterizedTest
  @MethodSource("sizes")
  void noKeyOfAPage_scoresAboveItsBound(Backend backend, Size size) {
    float[] bounds = scores(backend, size, Grouping.PER_HEAD);
    try (Fixture fixture = new Fixture(backend, size)) {
      Buffers buffers = fixture.buffers();
      int keys = size.zones().stream().max(Integer::compare).orElseThrow();
      Buffer scores = buffers.empty(DType.F32, size.rows(), size.heads(), keys);
      backend.selection().keyScores().score(fixture.kv(), Fixture.LAYER, fixture.batch(),
          buffers.of(fixture.queries(), size.rows(), size.heads(), size.headDim()),
          Grouping.PER_HEAD, scores);
      float[] all = buffers.floats(scores);
      int capacity = bounds.length / (size.rows() * size.heads());
      for (int head = 0; head < size.rows() * size.heads(); head++) {
        for (int key = 0; key < size.zones().get(head / size.heads()); key++) {
          float bound = bounds[head * capacity + key / pageSize(size)];
          assertTrue(all[head * keys + key] <= bound, size::toString);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void scoresForOtherHeads_andOtherTables_areRefused(Backend backend) {
    Size size = new Size(List.of(8), 2, 2, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size);
        ZoneTable bounds = backend.newZoneTable(size.shape(0), 1, DType.BF16, 32, 4);
        ZoneTable narrow = backend.newZoneTable(size.shape(0), 1, DType.BF16, 16, 4)) {
      Buffer q = fixture.buffers().empty(DType.F32, 1, 4, 16);
      Buffer scores = fixture.buffers().empty(DType.F32, 1, 4, 8);
      PageScores stage = backend.selection().pageScores();
      bounds.reserve(0, 8);

      assertRefused(IllegalArgumentException.class, () -> stage.score(fixture.kv(), Fixture.LAYER,
          fixture.batch(), q, bounds, Grouping.MEAN, scores), "page scores", "[1][2][",
          "[1][4][8]");
      assertRefused(IllegalArgumentException.class, () -> stage.score(fixture.kv(), Fixture.LAYER,
          fixture.batch(), q, narrow, Grouping.PER_HEAD, scores), "rows of 32 bf16", "16 bf16");
    }
  }
}
