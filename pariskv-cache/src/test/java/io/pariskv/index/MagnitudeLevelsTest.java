package io.pariskv.index;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The pinned levels against the optimum, which is solved for here. */
class MagnitudeLevelsTest {
  /** Cells of the numerical integration of {@code |u_j|} over [0, 1]. */
  private static final int CELLS = 200_000;

  /** Density of {@code |u_j|} for a uniform direction in 8 dimensions, up to a factor. */
  private static double density(double u) {
    return Math.pow(1 - u * u, 2.5); // (1 - u^2)^((m - 3) / 2)
  }

  /** Mean squared error of a quantiser. */
  private static double error(double[] thresholds, double[] levels) {
    double error = 0;
    double mass = 0;
    for (int i = 0; i < CELLS; i++) {
      double u = (i + 0.5) / CELLS;
      double off = u - levels[level(thresholds, u)];
      error += density(u) * off * off;
      mass += density(u);
    }
    return error / mass;
  }

  private static int level(double[] thresholds, double u) {
    int level = 0;
    while (level < thresholds.length && u > thresholds[level]) {
      level++;
    }
    return level;
  }

  /** Lloyd's iteration: levels are the means of their cells, thresholds the middles of levels. */
  private static double[] solve() {
    double[] first = new double[CELLS + 1]; // running integrals of density and u * density
    double[] moment = new double[CELLS + 1];
    for (int i = 0; i < CELLS; i++) {
      double u = (i + 0.5) / CELLS;
      first[i + 1] = first[i] + density(u);
      moment[i + 1] = moment[i] + u * density(u);
    }
    double[] levels = new double[MagnitudeLevels.COUNT];
    Arrays.setAll(levels, i -> (i + 0.5) / levels.length);
    for (int round = 0; round < 2_000; round++) {
      double[] thresholds = middles(levels);
      for (int i = 0; i < levels.length; i++) {
        int from = i == 0 ? 0 : (int) Math.round(thresholds[i - 1] * CELLS);
        int to = i == levels.length - 1 ? CELLS : (int) Math.round(thresholds[i] * CELLS);
        levels[i] = (moment[to] - moment[from]) / (first[to] - first[from]);
      }
    }
    return levels;
  }

  private static double[] middles(double[] levels) {
    double[] middles = new double[levels.length - 1];
    Arrays.setAll(middles, i -> (levels[i] + levels[i + 1]) / 2);
    return middles;
  }

  @Test
  void pinnedLevels_areWithinTwoHundredthsOfAPercentOfTheOptimum() {
    double[] optimum = solve();
    double least = error(middles(optimum), optimum);

    double pinned = error(doubles(MagnitudeLevels.thresholds()), doubles(MagnitudeLevels.levels()));

    assertTrue(pinned >= least * (1 - 1e-6), "the solver did not converge");
    assertEquals(0.02, 100 * (pinned / least - 1), 0.002); // percent; 0.021 computed exactly
    assertArrayEquals(optimum, doubles(MagnitudeLevels.levels()), 0.005);
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    Arrays.setAll(doubles, i -> values[i]);
    return doubles;
  }

  @Test
  void codeValues_areTheLevelsWithTheSignInBitThree() {
    float[] values = MagnitudeLevels.codeValues();
    float[] levels = MagnitudeLevels.levels();
    assertEquals(16, values.length);
    for (int level = 0; level < MagnitudeLevels.COUNT; level++) {
      assertEquals(-levels[level], values[level]);
      assertEquals(levels[level], values[8 + level]);
    }
  }

  @Test
  void arraysHandedOut_areCopies() {
    MagnitudeLevels.levels()[0] = 9;
    MagnitudeLevels.thresholds()[0] = 9;

    assertEquals(0.0420f, MagnitudeLevels.levels()[0]);
    assertEquals(0.0843f, MagnitudeLevels.thresholds()[0]);
  }
}
