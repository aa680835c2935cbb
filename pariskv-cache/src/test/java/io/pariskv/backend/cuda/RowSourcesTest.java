package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Size;
import io.pariskv.testing.Tolerance;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Decode attention with a cache of rows attends what it attends without, and leaves misses in their places. */
@Seeded
@Tag("gpu")
@EnabledIfSystemProperty(named = "pariskv.testBackend", matches = "cuda", disabledReason = "needs a GPU; gpu/run-tests runs it")
class RowSourcesTest {
  private static final int PLACES = 700;

  /** Sequences of which a part is in host memory alone, and short ones. */
  static Stream<Size> sizes() {
    return Stream.of(
        new Size(List.of(2600, 3), 2, 4, 128, DType.BF16, RandomKv.NORMAL),
        new Size(List.of(2350), 1, 10, 64, DType.BF16, RandomKv.NORMAL), // two blocks a KV head
        new Size(List.of(40, 2200), 2, 1, 16, DType.BF16, RandomKv.NORMAL),
        new Size(List.of(2300), 1, 4, 64, DType.F32, RandomKv.NORMAL));
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void missesComeFromTheStoreAndAreKept_hitsComeFromTheCacheAlone(Size size) {
    try (CudaBackend backend = new CudaBackend(KvPlacement.HOST);
        Fixture fixture = new Fixture(backend, size)) {
      Dealt dealt = new Dealt(fixture, size);
      Buffers buffers = fixture.buffers();
      Buffer q = buffers.of(fixture.queries(), size.rows(), size.heads(), size.headDim());
      Buffer expected = buffers.empty(DType.F32, size.rows(), size.heads(), size.headDim());
      Buffer actual = buffers.empty(DType.F32, size.rows(), size.heads(), size.headDim());
      Selection selection = dealt.selection();
      CudaDecodeAttention decode = (CudaDecodeAttention) backend.attention().decode();

      decode.attend(fixture.kv(), Fixture.LAYER, fixture.batch(), q, selection, expected);
      decode.attend(fixture.kv(), Fixture.LAYER, fixture.batch(), q, selection, dealt.sources(),
          actual);

      float[] plain = buffers.floats(expected);
      Tolerance.assertClose(IntStream.range(0, plain.length).mapToDouble(i -> plain[i]).toArray(),
          buffers.floats(actual), 3e-4, size::toString);
      for (int row = 0; row < size.rows(); row++) {
        byte[] cached = new byte[dealt.after[row].length];
        backend.download(dealt.caches[row], MemorySegment.ofArray(cached));
        assertArrayEquals(dealt.after[row], cached, size + ", row " + row);
      }
    }
  }

  /** A selection, random misses, hits and nearby rows of it, and caches in which hits have their rows. */
  private static final class Dealt {
    private final Fixture fixture;
    private final Size size;
    private final RandomGenerator random;
    private final List<int[]> selected = new ArrayList<>();
    private final List<int[]> pairs = new ArrayList<>();
    private final int[] misses;
    final Buffer[] caches;
    /** What the caches hold when all misses are kept. */
    final byte[][] after;

    Dealt(Fixture fixture, Size size) {
      this.fixture = fixture;
      this.size = size;
      random = Seeds.random(size, "cache");
      misses = new int[size.rows() * size.kvHeads()];
      caches = new Buffer[size.rows()];
      after = new byte[size.rows()][];
      for (int row = 0; row < size.rows(); row++) {
        byte[] before = new byte[2 * size.kvHeads() * PLACES * rowBytes()];
        Arrays.fill(before, (byte) 0xff); // NaN, in both types
        after[row] = before.clone();
        for (int head = 0; head < size.kvHeads(); head++) {
          deal(row, head, before);
        }
        caches[row] = fixture.buffers().of(before, before.length);
      }
    }

    private int rowBytes() {
      return size.headDim() * size.dtype().bytes();
    }

    private void deal(int row, int head, byte[] before) {
      int every = 4 + random.nextInt(3);
      int[] positions = IntStream.range(0, size.zones().get(row)).filter(p -> p % every == 1)
          .toArray();
      int[] places = IntStream.range(0, PLACES).toArray();
      for (int i = PLACES - 1; i > 0; i--) {
        int j = random.nextInt(i + 1);
        int swapped = places[i];
        places[i] = places[j];
        places[j] = swapped;
      }
      List<int[]> missed = new ArrayList<>();
      List<int[]> here = new ArrayList<>();
      for (int i = 0; i < positions.length; i++) {
        boolean nearby = fixture.length(row) - Fixture.SINK - positions[i] <= 2048;
        switch (random.nextInt(4)) {
          case 0 -> missed.add(new int[]{positions[i], -1});
          case 1 -> {
            missed.add(new int[]{positions[i], places[i]});
            put(after[row], row, head, positions[i], places[i]);
          }
          default -> {
            if (nearby && random.nextBoolean()) {
              here.add(new int[]{positions[i], -1});
            } else {
              here.add(new int[]{0, places[i]}); // where it comes from, the kernel need not know
              put(before, row, head, positions[i], places[i]);
              put(after[row], row, head, positions[i], places[i]);
            }
          }
        }
      }
      selected.add(positions);
      misses[row * size.kvHeads() + head] = missed.size();
      pairs.add(Stream.concat(missed.stream(), here.stream()).flatMapToInt(IntStream::of)
          .toArray());
    }

    private void put(byte[] cache, int row, int head, int position, int place) {
      put(cache, fixture.key(row, head, Fixture.SINK + position), head, place);
      put(cache, fixture.value(row, head, Fixture.SINK + position), size.kvHeads() + head, place);
    }

    private void put(byte[] cache, float[] numbers, int part, int place) {
      MemorySegment target = MemorySegment.ofArray(cache)
          .asSlice((long) (part * PLACES + place) * rowBytes(), rowBytes());
      if (size.dtype() == DType.F32) {
        target.copyFrom(MemorySegment.ofArray(numbers));
        return;
      }
      short[] rounded = new short[numbers.length];
      for (int i = 0; i < numbers.length; i++) {
        rounded[i] = Bf16.fromFloat(numbers[i]);
      }
      target.copyFrom(MemorySegment.ofArray(rounded));
    }

    private int capacity() {
      return 1 + selected.stream().mapToInt(each -> each.length).max().orElseThrow();
    }

    /** Of each KV head its numbers, then what must not be read. */
    private int[] padded(List<int[]> heads, int width) {
      int[] all = new int[heads.size() * width];
      Arrays.fill(all, Integer.MIN_VALUE);
      for (int i = 0; i < heads.size(); i++) {
        System.arraycopy(heads.get(i), 0, all, i * width, heads.get(i).length);
      }
      return all;
    }

    Selection selection() {
      int[] counts = selected.stream().mapToInt(each -> each.length).toArray();
      return new Selection(
          fixture.buffers().of(padded(selected, capacity()), size.rows(), size.kvHeads(),
              capacity()),
          fixture.buffers().of(counts, size.rows(), size.kvHeads()));
    }

    RowSources sources() {
      int layers = fixture.kv().shape().layers();
      long[] addresses = new long[size.rows() * layers];
      for (int row = 0; row < size.rows(); row++) {
        addresses[fixture.slot(row) * layers + Fixture.LAYER] = caches[row].address();
      }
      Buffer table = fixture.buffers().empty(DType.I64, size.rows(), layers);
      fixture.backend().upload(MemorySegment.ofArray(addresses), table);
      return new RowSources(
          fixture.buffers().of(padded(pairs, 2 * capacity()), size.rows(), size.kvHeads(),
              capacity(), 2),
          fixture.buffers().of(misses, size.rows(), size.kvHeads()), table.address(), PLACES);
    }
  }
}
