package io.pariskv.attention;

import static io.pariskv.testing.Refusal.assertRefused;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Bf16;
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
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class PrefillAttentionTest {
  /** Of the contract: the most that a weight in bf16 is off, relative to it. */
  private static final double BF16_ROUNDING = 1.0 / 256;

  /** A chunk of {@code rows} after {@code start} tokens. */
  record Case(Size size, int start, int rows, int window) {
    Case(int start, int rows, int window, int kvHeads, int group, int headDim, DType dtype,
        RandomKv keys) {
      this(new Size(List.of(start + rows, 3), kvHeads, group, headDim, dtype, keys), start, rows,
          window);
    }
  }

  static Stream<Arguments> cases() {
    DType bf16 = DType.BF16;
    DType f32 = DType.F32;
    Stream<Case> late = TestBackends.takesLongSizes()
        ? Stream.of(new Case(131_000, 71, 0, 1, 7, 128, bf16, RandomKv.COMMON_MEAN))
        : Stream.empty();
    return TestBackends.with(Stream.concat(late,
        Stream.of(new Case(0, 1, 0, 1, 1, 16, bf16, RandomKv.NORMAL),
            new Case(0, 2, 0, 2, 4, 32, f32, RandomKv.EQUAL),
            new Case(0, 31, 0, 3, 1, 64, bf16, RandomKv.COMMON_MEAN),
            new Case(0, 33, 0, 1, 7, 80, f32, RandomKv.NORMAL),
            new Case(0, 65, 0, 2, 1, 96, bf16, RandomKv.OUTLIER_CHANNELS),
            new Case(0, 257, 0, 1, 4, 128, bf16, RandomKv.NORMAL),
            new Case(1, 1, 0, 8, 1, 256, f32, RandomKv.ZERO),
            new Case(5, 100, 0, 2, 2, 64, bf16, RandomKv.ONE_HUGE),
            new Case(1000, 40, 0, 2, 4, 128, bf16, RandomKv.COMMON_MEAN),
            new Case(1023, 2, 0, 1, 7, 64, bf16, RandomKv.SPREAD_NORMS),
            new Case(2040, 17, 0, 1, 1, 80, f32, RandomKv.NORMAL),
            new Case(0, 100, 1, 1, 2, 32, bf16, RandomKv.NORMAL),
            new Case(0, 100, 33, 2, 2, 96, bf16, RandomKv.COMMON_MEAN),
            new Case(900, 140, 64, 1, 4, 64, f32, RandomKv.NORMAL),
            new Case(30, 20, 1000, 1, 3, 16, bf16, RandomKv.NORMAL),
            new Case(4090, 3, 1024, 1, 2, 32, bf16, RandomKv.NORMAL),
            new Case(4100, 35, 0, 1, 2, 128, bf16, RandomKv.COMMON_MEAN),
            new Case(4097, 37, 0, 1, 7, 128, bf16, RandomKv.NORMAL),
            new Case(3000, 70, 1500, 2, 1, 256, bf16, RandomKv.SPREAD_NORMS))));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void row_attendsEveryPositionUpToItsOwn_withinTheWindow(Backend backend, Case chunk) {
    Size size = chunk.size;
    float[] q = RandomKv.normal(Seeds.random(chunk), chunk.rows * size.heads() * size.headDim());
    try (Fixture fixture = new Fixture(backend, size, chunk.window)) {
      Buffers buffers = fixture.buffers();
      Buffer out = buffers.empty(DType.F32, chunk.rows, size.heads(), size.headDim());

      backend.attention().prefill().attend(fixture.kv(), Fixture.LAYER, fixture.slot(0),
          chunk.start, buffers.of(q, chunk.rows, size.heads(), size.headDim()), out);

      boolean rounds = rounds(backend, size);
      float[] taken = rounds ? rounded(q, size.headDim()) : q;
      DenseAttention expected = new DenseAttention(fixture, size, chunk.rows,
          rounds ? BF16_ROUNDING : 0);
      for (int head = 0; head < chunk.rows * size.heads(); head++) {
        int to = chunk.start + head / size.heads() + 1;
        int from = chunk.window == 0 ? 0 : Math.max(0, to - chunk.window);
        expected.attend(head, taken, 0, head % size.heads() / size.group(),
            IntStream.range(from, to).toArray());
      }
      Tolerance.assertClose(expected.out, buffers.floats(out), expected::tolerance,
          chunk::toString);
    }
  }

  /** Whether the contract lets this backend round queries and weights. */
  private static boolean rounds(Backend backend, Size size) {
    int headDim = size.headDim();
    return backend.name().equals("cuda") && size.dtype() == DType.BF16 && headDim >= 16
        && headDim <= 256 && Integer.bitCount(headDim) == 1;
  }

  /** Queries as such a backend takes them. */
  private static float[] rounded(float[] q, int headDim) {
    float scale = (float) (1 / Math.log(2) / Math.sqrt(headDim));
    float[] taken = new float[q.length];
    for (int i = 0; i < q.length; i++) {
      taken[i] = Bf16.toFloat(Bf16.fromFloat(q[i] * scale)) / scale;
    }
    return taken;
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void queriesOfAnotherShape_areRefusedWithBothShapes(Backend backend) {
    Size size = new Size(List.of(8), 2, 2, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size)) {
      Buffer q = fixture.buffers().empty(DType.F32, 3, 2, 16);
      Buffer out = fixture.buffers().empty(DType.F32, 3, 4, 16);

      assertRefused(IllegalArgumentException.class, () -> backend.attention().prefill()
          .attend(fixture.kv(), Fixture.LAYER, 0, 0, q, out), "[3][4][16]", "[3][2][16]");
    }
  }
}
