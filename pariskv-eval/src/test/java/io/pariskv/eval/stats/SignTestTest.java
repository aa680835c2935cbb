package io.pariskv.eval.stats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The sign test against sums of binomial coefficients, such as 2 (1 + 10) / 2^10. */
class SignTestTest {
  @ParameterizedTest
  @CsvSource({"0, 0, 1", "1, 1, 1", "1, 0, 1", "5, 0, 0.0625", "9, 1, 0.021484375",
      "1, 9, 0.021484375", "14, 6, 0.1153182983398"})
  void p_isTwiceTheSmallerTail(int first, int second, double expected) {
    assertEquals(expected, SignTest.p(first, second), 1e-12);
  }

  @Test
  void manySamples_doNotOverflow() {
    assertEquals(1, SignTest.p(50_000, 50_000), 1e-9);
    assertEquals(0.0016, SignTest.p(50_500, 49_500), 1e-4); // 3.16 standard deviations
    assertEquals(0, SignTest.p(100_000, 0));
    assertThrows(IllegalArgumentException.class, () -> SignTest.p(-1, 2));
  }
}
