package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.retrieve.RetrievalBudget.Candidates;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RetrievalBudgetTest {
  private static final RetrievalBudget PAPER = new RetrievalBudget(100, null, null);

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "2, 1", "3, 2", "4999, 2500", "5000, 1250", "9999, 2500",
      "10000, 2000", "29999, 6000", "30000, 3000", "100000, 10000", "1000000, 100000"})
  void candidates_followThePublishedTable(int keys, int candidates) {
    assertEquals(candidates, PAPER.candidates(keys));
  }

  @Test
  void fields_areKeysCandidatesKAndTheTierLimits() {
    // rho 0.25: 5,000 keys, of which 5, 15, 30, 50, 75 and 100%
    assertArrayEquals(new int[]{20_000, 4_000, 100, 250, 750, 1_500, 2_500, 3_750, 5_000},
        PAPER.fields(20_000));
    assertArrayEquals(new int[]{0, 0, 0, 0, 0, 0, 0, 0, 0}, PAPER.fields(0));
    assertArrayEquals(new int[]{1, 1, 1, 1, 1, 1, 1, 1, 1}, PAPER.fields(1));
  }

  @Test
  void k_isAtMostTheCandidates() {
    assertEquals(5, new RetrievalBudget(100, 0.5, 0.5).fields(10)[2]);
    assertEquals(100, new RetrievalBudget(100, 1.0, 0.5).fields(100)[2]);
  }

  @Test
  void ratiosGiven_overrideTheTable() {
    int[] fields = new RetrievalBudget(100, 0.12, 0.30).fields(50_000);

    assertEquals(6_000, fields[1]);
    assertEquals(15_000, fields[8]);
  }

  @Test
  void roundingUp_forgivesBinaryFractions() {
    // 0.1 * 30,030 is 3003.0000000000005 in double
    assertEquals(3_003, new RetrievalBudget(1, 0.1, 0.2).candidates(30_030));
    assertEquals(3_004, new RetrievalBudget(1, 0.1, 0.2).candidates(30_031));
    for (int keys = 1; keys < 3_000; keys++) {
      assertEquals((keys * 12 + 99) / 100, new RetrievalBudget(1, 0.12, 0.2).candidates(keys));
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.01, 0.12, 0.5, 1.0})
  void limits_ascend_andNothingExceedsTheKeys(double ratio) {
    RetrievalBudget budget = new RetrievalBudget(64, ratio, ratio);
    IntStream.of(1, 2, 3, 10, 99, 5_000, 123_456, 2_000_000_000).forEach(keys -> {
      int[] fields = budget.fields(keys);
      assertTrue(fields[1] >= 1 && fields[1] <= keys && fields[2] <= fields[1]);
      for (int tier = 3; tier < 8; tier++) {
        assertTrue(fields[tier] >= 1 && fields[tier] <= fields[tier + 1]);
      }
      assertTrue(fields[8] <= keys);
    });
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "99, 99", "100, 100", "101, 101", "400, 200", "1000000, 10000",
      "2147483647, 463410"})
  void candidates_canBeTheGeometricMeanOfKeysAndK(int keys, int candidates) {
    RetrievalBudget budget = new RetrievalBudget(100, null, null, Candidates.GEOMETRIC_MEAN);
    assertEquals(candidates, budget.candidates(keys));
  }

  @Test
  void shareThatIsGiven_isTheShare_andVeryLargeK_doesNotOverflow() {
    assertEquals(30,
        new RetrievalBudget(100, 0.03, null, Candidates.GEOMETRIC_MEAN).candidates(1_000));
    RetrievalBudget all = new RetrievalBudget(Integer.MAX_VALUE, null, null,
        Candidates.GEOMETRIC_MEAN);
    assertEquals(Integer.MAX_VALUE, all.candidates(Integer.MAX_VALUE));
    assertArrayEquals(new int[]{1_000, 1_000, 1_000}, Arrays.copyOf(all.fields(1_000), 3));
  }

  @Test
  void impossibleSettings_areRefusedWithTheNumber() {
    assertRefused(IllegalArgumentException.class, () -> new RetrievalBudget(0, null, null),
        "k 0", "at least 1");
    for (double ratio : new double[]{0, -0.1, 1.01, Double.NaN}) {
      assertRefused(IllegalArgumentException.class, () -> new RetrievalBudget(1, ratio, null),
          "candidate-ratio " + ratio);
      assertRefused(IllegalArgumentException.class, () -> new RetrievalBudget(1, null, ratio),
          "collision-ratio " + ratio);
    }
  }
}
