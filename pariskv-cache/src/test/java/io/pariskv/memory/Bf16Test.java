package io.pariskv.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import java.math.BigDecimal;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

@Seeded
class Bf16Test {

  @Test
  void everyPattern_survivesTheWayToFloatAndBack() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = Bf16.toFloat((short) bits);
      if (Float.isNaN(value)) {
        assertTrue(Float.isNaN(Bf16.toFloat(Bf16.fromFloat(value))), Integer.toHexString(bits));
      } else {
        assertEquals((short) bits, Bf16.fromFloat(value), Integer.toHexString(bits));
      }
    }
  }

  @Test
  void anyFloat_becomesTheNearest_tiesToEven() {
    RandomGenerator random = Seeds.random("bf16");
    for (int i = 0; i < 200_000; i++) {
      int bits = random.nextInt();
      if (i % 4 == 0) {
        bits = bits & 0xffff0000 | 0x8000; // exactly between two
      }
      float value = Float.intBitsToFloat(bits);
      if (Float.isFinite(value)) {
        assertEquals(nearest(value), Bf16.fromFloat(value), () -> Float.toHexString(value));
      } else if (Float.isNaN(value)) {
        assertTrue(Float.isNaN(Bf16.toFloat(Bf16.fromFloat(value))));
      }
    }
  }

  /** By exact decimal distance; above the largest number the next step stands for infinity. */
  private static short nearest(float value) {
    int lower = Float.floatToRawIntBits(value) >>> 16;
    int upper = lower + 1; // away from zero
    BigDecimal magnitude = new BigDecimal(Math.abs(value));
    BigDecimal below = magnitude.subtract(decimal(lower));
    BigDecimal above = decimal(upper).subtract(magnitude);
    int order = below.compareTo(above);
    boolean up = order > 0 || order == 0 && lower % 2 == 1;
    return (short) (up ? upper : lower);
  }

  private static BigDecimal decimal(int bits) {
    float magnitude = Bf16.toFloat((short) (bits & 0x7fff));
    return Float.isInfinite(magnitude)
        ? BigDecimal.TWO.pow(128)
        : new BigDecimal(magnitude);
  }

  @Test
  void edges_areKept() {
    assertEquals(Float.POSITIVE_INFINITY, Bf16.toFloat(Bf16.fromFloat(Float.MAX_VALUE)));
    assertEquals(Float.NEGATIVE_INFINITY, Bf16.toFloat(Bf16.fromFloat(-Float.MAX_VALUE)));
    assertEquals((short) 0x8000, Bf16.fromFloat(-0f));
    assertEquals((short) 0, Bf16.fromFloat(Float.MIN_VALUE));
    assertTrue(Float.isNaN(Bf16.toFloat(Bf16.fromFloat(Float.intBitsToFloat(0x7f800001)))));
    assertTrue(Float.isNaN(Bf16.toFloat(Bf16.fromFloat(Float.intBitsToFloat(0xffffffff)))));
  }
}
