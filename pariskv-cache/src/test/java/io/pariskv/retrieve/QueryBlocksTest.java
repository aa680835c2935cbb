package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.index.HadamardRotation;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class QueryBlocksTest {

  static Stream<Arguments> sizes() {
    return TestBackends.with(Size.all().limit(14));
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void blocks_areTheRotatedMeanOfTheGroup(Backend backend, Size size) {
    int d = size.headDim();
    try (Fixture fixture = new Fixture(backend, size)) {
      float[] q = fixture.queries();
      float[] signs = HadamardRotation.signs(d);
      double[] expected = new double[size.rows() * size.kvHeads() * d];
      for (int at = 0; at < expected.length; at++) {
        for (int j = 0; j < d; j++) {
          double mean = 0;
          for (int head = 0; head < size.group(); head++) {
            mean += q[(at / d * size.group() + head) * d + j] / (double) size.group();
          }
          int entry = Integer.bitCount(at % d & j) % 2 == 0 ? 1 : -1;
          expected[at] += entry * signs[j] * mean / Math.sqrt(d);
        }
      }

      Tolerance.assertClose(expected, blocks(fixture, size, q), 2e-5, size::toString);
    }
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void blocks_equalThoseOfScalarBitForBit(Backend backend, Size size) {
    try (Fixture fixture = new Fixture(backend, size);
        ScalarBackend scalar = new ScalarBackend();
        Fixture oracle = new Fixture(scalar, size)) {
      float[] q = fixture.queries();
      for (int i = 0; i < q.length; i += 3) {
        q[i] = i % 2 == 0 ? -0f : 0; // signs of zeros count too
      }

      Tolerance.assertSameBits(blocks(oracle, size, q), blocks(fixture, size, q), size::toString);
    }
  }

  private static float[] blocks(Fixture fixture, Size size, float[] q) {
    Buffer blocks = fixture.buffers().empty(DType.F32, size.rows(), size.kvHeads(), size.headDim());
    fixture.backend().retrieval().queryBlocks().rotate(fixture.index(), fixture.batch(),
        fixture.buffers().of(q, size.rows(), size.heads(), size.headDim()), blocks);
    return fixture.buffers().floats(blocks);
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void queriesOfAnotherShape_areRefusedWithBothShapes(Backend backend) {
    Size size = Size.all().skip(1).findFirst().orElseThrow();
    try (Fixture fixture = new Fixture(backend, size)) {
      Buffer q = fixture.buffers().empty(DType.F32, 1, 99, size.headDim());

      assertRefused(IllegalArgumentException.class, () -> backend.retrieval().queryBlocks()
          .rotate(fixture.index(), fixture.batch(), q, q), "[1][99]", "must be");
    }
  }
}
