package io.pariskv.backend.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class ExpTest {
  private static float exp(float x) {
    return Exp.expAny(FloatVector.broadcast(Species.FLOATS, x)).lane(Species.FLOATS.length() - 1);
  }

  @Test
  void everyResult_isWithinTheDocumentedError() {
    double worst = 0;
    for (float x = -87; x < 88; x += 0.0007f) {
      double exact = Math.exp(x);
      worst = Math.max(worst, Math.abs(exp(x) - exact) / exact);
    }
    double error = worst;
    assertTrue(error < 1.5e-7, () -> "relative error " + error);
  }

  @Test
  void limits_neitherOverflowNorStayAboveZero() {
    assertEquals(1, exp(0));
    assertEquals(0, exp(Float.NEGATIVE_INFINITY));
    assertEquals(0, exp(-1e30f));
    assertEquals(0, exp(-88));
    assertEquals(exp(88), exp(Float.POSITIVE_INFINITY));
    assertTrue(Float.isFinite(exp(1e30f)));
    assertTrue(Float.isNaN(exp(Float.NaN)));
  }
}
