package io.pariskv.index;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class PageBoundsTest {
  private static final int[] PAGES = {16, 1, 64, 8, 1024};

  static Stream<Arguments> sizes() {
    return TestBackends.with(Stream.concat(Size.all(),
        Size.all().skip(3).limit(4).map(size -> size.withHeadDim(size.rows() % 2 == 0 ? 80 : 33))));
  }

  private static int pageSize(Size size) {
    return PAGES[(size.zones().getFirst() + size.kvHeads()) % PAGES.length];
  }

  private static ZoneTable table(Backend backend, Size size, int pageSize) {
    return backend.newZoneTable(size.shape(0), size.rows(), size.dtype(), 2 * size.headDim(),
        pageSize);
  }

  /** In two parts, the second of which begins with a page that the first left partial. */
  @ParameterizedTest
  @MethodSource("sizes")
  void aPage_hasTheSmallestAndTheLargestOfItsKeys(Backend backend, Size size) {
    int pageSize = pageSize(size);
    try (Fixture fixture = new Fixture(backend, size);
        ZoneTable bounds = table(backend, size, pageSize)) {
      for (int row = 0; row < size.rows(); row++) {
        TokenZones zones = fixture.zones(row);
        int part = zones.retrievalTokens() / 3;
        bounds.reserve(fixture.slot(row), part);
        backend.selection().pageBounds().update(fixture.kv(), Fixture.LAYER, fixture.slot(row),
            new TokenZones(Fixture.SINK, Fixture.SINK + part, zones.length()), 0, bounds);
        bounds.reserve(fixture.slot(row), zones.retrievalTokens());
        backend.selection().pageBounds().update(fixture.kv(), Fixture.LAYER, fixture.slot(row),
            zones, part / pageSize, bounds);
      }
      for (int row = 0; row < size.rows(); row++) {
        int pages = PageBounds.pages(size.zones().get(row), pageSize);
        int step = 1 + pages / 50;
        for (int page = 0; page < pages; page += page + step < pages ? step : 1) {
          for (int kvHead = 0; kvHead < size.kvHeads(); kvHead++) {
            assertBounds(fixture, size, bounds, row, kvHead, page);
          }
        }
      }
    }
  }

  private static void assertBounds(Fixture fixture, Size size, ZoneTable bounds, int row,
      int kvHead, int page) {
    int first = page * bounds.tokensPerRow();
    int end = Math.min(first + bounds.tokensPerRow(), size.zones().get(row));
    float[] expected = new float[2 * size.headDim()];
    Arrays.fill(expected, 0, size.headDim(), Float.POSITIVE_INFINITY);
    Arrays.fill(expected, size.headDim(), expected.length, Float.NEGATIVE_INFINITY);
    for (int key = first; key < end; key++) {
      float[] k = fixture.key(row, kvHead, Fixture.SINK + key);
      for (int i = 0; i < k.length; i++) {
        expected[i] = k[i] < expected[i] ? k[i] : expected[i];
        int most = size.headDim() + i;
        expected[most] = k[i] > expected[most] ? k[i] : expected[most];
      }
    }
    Tolerance.assertSameBits(expected,
        floats(bounds.read(Fixture.LAYER, fixture.slot(row), kvHead, page), size.dtype()),
        () -> size + ", row " + row + ", KV head " + kvHead + ", page " + page);
  }

  private static float[] floats(MemorySegment row, DType dtype) {
    float[] values = new float[Math.toIntExact(row.byteSize() / dtype.bytes())];
    for (int i = 0; i < values.length; i++) {
      values[i] = dtype == DType.BF16
          ? Bf16.toFloat(row.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i))
          : row.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
    }
    return values;
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void aTable_countsWhatItHolds_andForgetsWhatIsReleased(Backend backend) {
    Size size = new Size(List.of(40, 40), 2, 1, 32, DType.BF16, RandomKv.NORMAL);
    try (ZoneTable table = table(backend, size, 16)) {
      assertEquals(0, table.bytes());
      table.reserve(1, 1_025);
      long held = ZoneTable.bytes(size.shape(0), DType.BF16, 64, 16, 1_025);
      assertEquals(held, 2L * 2 * 2 * 64 * 64 * 2); // layers, slabs, KV heads, pages, numbers, bytes
      assertEquals(held, table.bytes());
      assertEquals(2_048, table.capacity(1));
      table.reserve(1, 7);
      assertEquals(held, table.bytes());
      table.release(1);
      table.release(0);
      assertEquals(0, table.capacity(1));
      assertEquals(0, table.bytes());
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void tablesThatDoNotFit_areRefused(Backend backend) {
    Size size = new Size(List.of(40), 2, 1, 32, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size);
        ZoneTable narrow = backend.newZoneTable(size.shape(0), 1, DType.BF16, 32, 16);
        ZoneTable empty = table(backend, size, 16)) {
      PageBounds stage = backend.selection().pageBounds();
      assertRefused(IllegalArgumentException.class, () -> stage.update(fixture.kv(), Fixture.LAYER,
          0, fixture.zones(0), 0, narrow), "rows of 64 bf16", "32 bf16");
      assertRefused(RuntimeException.class, () -> stage.update(fixture.kv(), Fixture.LAYER, 0,
          fixture.zones(0), 0, empty), "slot 0", "reserve first");
      assertRefused(IllegalArgumentException.class,
          () -> backend.newZoneTable(size.shape(0), 1, DType.BF16, 64, 24).close(), "24",
          "power of two");
    }
  }
}
