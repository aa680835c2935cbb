package io.pariskv.index;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class HadamardRotationTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 8, 16, 32, 64, 128, 256})
  void transform_isTheWalshHadamardMatrix(int headDim) {
    float[] x = RandomKv.normal(Seeds.random(headDim), headDim);
    float[] y = x.clone();

    HadamardRotation.transform(y, 0, headDim);

    for (int i = 0; i < headDim; i++) {
      double expected = 0;
      for (int j = 0; j < headDim; j++) {
        expected += Integer.bitCount(i & j) % 2 == 0 ? x[j] : -x[j];
      }
      assertEquals(expected, y[i], 1e-6 * headDim);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 32, 64, 128, 256})
  void rotation_preservesInnerProductsAndNorms(int headDim) {
    float[] signs = HadamardRotation.signs(headDim);
    for (int round = 0; round < 50; round++) {
      float[] a = RandomKv.normal(Seeds.random("a", headDim, round), headDim);
      float[] b = RandomKv.normal(Seeds.random("b", headDim, round), headDim);

      float[] rotatedA = rotate(a, signs);
      float[] rotatedB = rotate(b, signs);

      assertEquals(dot(a, b), dot(rotatedA, rotatedB), 1e-5 * headDim);
      assertEquals(Math.sqrt(dot(a, a)), Math.sqrt(dot(rotatedA, rotatedA)), 1e-5);
    }
  }

  private static float[] rotate(float[] x, float[] signs) {
    float[] y = x.clone();
    for (int i = 0; i < y.length; i++) {
      y[i] *= signs[i];
    }
    HadamardRotation.transform(y, 0, y.length);
    for (int i = 0; i < y.length; i++) {
      y[i] *= HadamardRotation.scale(y.length);
    }
    return y;
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  @Test
  void transform_ofAPart_leavesTheRestAlone() {
    float[] y = {9, 1, 2, 3, 4, 9};

    HadamardRotation.transform(y, 1, 4);

    assertArrayEquals(new float[]{9, 10, -2, -4, 0, 9}, y);
  }

  /** They are part of the format of a saved index. */
  @Test
  void signs_areTheSameForEver_andBalanced() {
    float[] signs = HadamardRotation.signs(256);
    int positive = 0;
    for (float sign : signs) {
      assertEquals(1, Math.abs(sign));
      positive += sign > 0 ? 1 : 0;
    }
    assertTrue(positive > 96 && positive < 160, "positive " + positive);
    assertArrayEquals(Arrays.copyOf(signs, 64), HadamardRotation.signs(64));
    long pinned = 0;
    for (int i = 0; i < 64; i++) {
      pinned |= signs[i] > 0 ? 1L << i : 0;
    }
    assertEquals(PINNED, Long.toHexString(pinned));
  }

  private static final String PINNED = "c3d154fa8845a34c";

  @ParameterizedTest
  @ValueSource(ints = {-8, 0, 3, 96})
  void aHeadSizeThatIsNoPowerOfTwo_isRefused(int headDim) {
    assertThrows(IllegalArgumentException.class, () -> HadamardRotation.signs(headDim));
  }
}
