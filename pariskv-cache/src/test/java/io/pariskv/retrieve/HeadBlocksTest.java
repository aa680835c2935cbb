package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;

import io.pariskv.backend.Backend;
import io.pariskv.index.HadamardRotation;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class HeadBlocksTest {

  static Stream<Arguments> sizes() {
    return TestBackends.with(Size.all().filter(size -> size.zones().getFirst() < 256));
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void blocks_areEveryHeadRotatedAndScaled_headByHeadOfTheGroups(Backend backend, Size size) {
    try (Fixture fixture = new Fixture(backend, size)) {
      float[] q = fixture.queries();
      Buffer out = fixture.buffers().empty(DType.F32, size.group(), size.rows(), size.kvHeads(),
          size.headDim());

      backend.retrieval().headBlocks().rotate(fixture.index(), fixture.batch(),
          fixture.buffers().of(q, size.rows(), size.heads(), size.headDim()), out);

      float[] blocks = fixture.buffers().floats(out);
      int kvHeads = size.rows() * size.kvHeads();
      for (int head = 0; head < kvHeads * size.group(); head++) {
        int to = (head % size.group() * kvHeads + head / size.group()) * size.headDim();
        Tolerance.assertSameBits(
            rotated(Arrays.copyOfRange(q, head * size.headDim(), (head + 1) * size.headDim())),
            Arrays.copyOfRange(blocks, to, to + size.headDim()), size::toString);
      }
    }
  }

  private static float[] rotated(float[] x) {
    float[] signs = HadamardRotation.signs(x.length);
    for (int i = 0; i < x.length; i++) {
      x[i] *= signs[i];
    }
    HadamardRotation.transform(x, 0, x.length);
    for (int i = 0; i < x.length; i++) {
      x[i] *= HadamardRotation.scale(x.length);
    }
    return x;
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void blocksOfTheMeanAlone_areRefusedWithBothShapes(Backend backend) {
    Size size = Size.all().filter(each -> each.group() == 4).findFirst().orElseThrow();
    try (Fixture fixture = new Fixture(backend, size)) {
      Buffer q = fixture.buffers().empty(DType.F32, size.rows(), size.heads(), size.headDim());
      Buffer blocks = fixture.buffers().empty(DType.F32, 1, size.rows(), size.kvHeads(),
          size.headDim());

      assertRefused(IllegalArgumentException.class, () -> backend.retrieval().headBlocks()
          .rotate(fixture.index(), fixture.batch(), q, blocks), "[4][", "[1][");
    }
  }
}
