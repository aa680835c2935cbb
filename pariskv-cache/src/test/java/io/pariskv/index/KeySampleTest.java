package io.pariskv.index;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Size;
import io.pariskv.testing.Tolerance;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class KeySampleTest {

  @Test
  void aSample_isAllOrOneOfEveryPart_andTheSameEachTime() {
    assertArrayEquals(IntStream.range(3, 40).toArray(), KeySample.positions(3, 40, 37));
    for (int most : new int[]{1, 7, 36}) {
      int[] sample = KeySample.positions(3, 40, most);

      assertEquals(most, sample.length);
      assertArrayEquals(IntStream.of(sample).distinct().sorted().toArray(), sample);
      assertTrue(sample[0] >= 3 && sample[most - 1] < 40);
      assertArrayEquals(sample, KeySample.positions(3, 40, most));
    }
    assertEquals(1 << 16, KeySample.positions(0, 1 << 20, 1 << 16).length);
    assertEquals(0, KeySample.positions(5, 5, 10).length);
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void rows_areTheKeysOfThePositions(Backend backend) {
    for (DType dtype : new DType[]{DType.BF16, DType.F32}) {
      for (int headDim : new int[]{33, 128}) {
        Size size = new Size(List.of(1_100, 40), 2, 1, headDim, dtype, RandomKv.NORMAL);
        try (Fixture fixture = new Fixture(backend, size)) {
          int[] positions = KeySample.positions(Fixture.SINK, fixture.length(0), 77);
          Buffer rows = fixture.buffers().empty(dtype, positions.length, headDim);
          backend.quantizer().sample().gather(fixture.kv(), Fixture.LAYER, fixture.slot(0), 1,
              fixture.buffers().of(positions, positions.length), rows);
          float[] gathered = floats(backend, rows);
          for (int i = 0; i < positions.length; i++) {
            int from = i * headDim;
            float[] row = new float[headDim];
            System.arraycopy(gathered, from, row, 0, headDim);
            Tolerance.assertSameBits(fixture.key(0, 1, positions[i]), row, size::toString);
          }
        }
      }
    }
  }

  private static float[] floats(Backend backend, Buffer rows) {
    int count = Math.toIntExact(rows.shape().elements());
    if (rows.dtype() == DType.F32) {
      float[] values = new float[count];
      backend.download(rows, MemorySegment.ofArray(values));
      return values;
    }
    short[] bits = new short[count];
    backend.download(rows, MemorySegment.ofArray(bits));
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = Bf16.toFloat(bits[i]);
    }
    return values;
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void rowsThatDoNotFit_areRefused(Backend backend) {
    Size size = new Size(List.of(8), 1, 1, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size)) {
      Buffer positions = fixture.buffers().of(new int[]{5, 6}, 2);
      Buffer rows = fixture.buffers().empty(DType.BF16, 3, 16);

      assertRefused(IllegalArgumentException.class, () -> backend.quantizer().sample().gather(
          fixture.kv(), Fixture.LAYER, 0, 0, positions, rows), "rows", "[2][16]", "[3][16]");
    }
  }
}
