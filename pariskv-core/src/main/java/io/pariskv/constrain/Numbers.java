package io.pariskv.constrain;

import java.math.BigDecimal;
import tools.jackson.databind.JsonNode;

/** Numbers of a schema, which may be of any size. */
final class Numbers {
  private Numbers() {
  }

  static boolean isFinite(JsonNode number) {
    return number.isIntegralNumber() || number.isBigDecimal()
        || Double.isFinite(number.doubleValue());
  }

  static BigDecimal of(JsonNode number) {
    BigDecimal value = number.decimalValue();
    return value.signum() == 0 ? BigDecimal.ZERO : value.stripTrailingZeros();
  }

  static boolean isWhole(BigDecimal value) {
    return value.scale() <= 0;
  }

  /** How many digits there are before the point, 0 or less for values below 1. */
  static long wholeDigits(BigDecimal value) {
    return value.signum() == 0 ? 0 : (long) value.precision() - value.scale();
  }
}
