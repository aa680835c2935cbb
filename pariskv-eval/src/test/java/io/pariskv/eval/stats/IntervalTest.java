package io.pariskv.eval.stats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Confidence intervals against published values and against what they promise. */
class IntervalTest {
  /** Newcombe (1998), Statistics in Medicine 17, table I, method 3. */
  @ParameterizedTest
  @CsvSource({"81, 263, 0.2553, 0.3662", "15, 148, 0.0624, 0.1605", "0, 20, 0.0, 0.1611",
      "1, 29, 0.0061, 0.1718", "29, 29, 0.8830, 1.0"})
  void wilson_equalsPublishedValues(int right, int samples, double low, double high) {
    Interval interval = Interval.wilson(right, samples);
    assertEquals(low, interval.low(), 5e-5);
    assertEquals(high, interval.high(), 5e-5);
    assertEquals((double) right / samples, interval.mean());
  }

  @ParameterizedTest
  @CsvSource({"1, 12.7062", "4, 2.7764", "30, 2.0423", "31, 2.0395", "60, 2.0003", "120, 1.9799",
      "1000, 1.9623"})
  void studentQuantile_equalsTheTables(int freedom, double expected) {
    assertEquals(expected, Interval.quantile(freedom), 1e-4);
  }

  @Test
  void student_ofAKnownSample() {
    Interval interval = Interval.student(new double[]{1, 2, 3, 4, 5});
    assertEquals(3, interval.mean());
    assertEquals(3 - 2.7764 * Math.sqrt(0.5), interval.low(), 1e-9);
    assertEquals(3 + 2.7764 * Math.sqrt(0.5), interval.high(), 1e-9);
    assertEquals(Double.POSITIVE_INFINITY, Interval.student(new double[]{2}).high());
  }

  /** Sixteen hops in each of five paths: what is known is that they are equal. */
  @Test
  void student_ofEqualValues_saysSo() {
    Interval interval = Interval.student(new double[]{0.1, 0.1, 0.1});
    assertTrue(interval.allEqual());
    assertEquals(0.1, interval.low());
    assertEquals(0.1, interval.high());
    assertFalse(Interval.student(new double[]{0.1}).allEqual());
    assertFalse(Interval.student(new double[]{0.1, 0.2}).allEqual());
  }

  @Test
  void within_cutsToWhatCanBe_andAddsNoEnds() {
    Interval counts = Interval.student(new double[]{0, 0, 1, 1, 1}).within(0, 16);
    assertEquals(0, counts.low());
    assertEquals(0.6 + 2.7764 * Math.sqrt(0.3 / 5), counts.high(), 1e-4);
    assertEquals(1, Interval.student(new double[]{0.5, 1}).within(0, 1).high());
    assertFalse(Interval.student(new double[]{0.5}).within(0, 1).hasEnds());
  }

  @Test
  void tasksThatAreAllRightOrAllWrong_areNotCertain() {
    double[] right = {1, 1, 1, 1, 1};
    assertEquals(Interval.wilson(65, 65), Interval.ofTasks(Collections.nCopies(13, right)));
    Interval half = Interval.ofTasks(List.of(right, new double[5]));
    assertEquals(0.5, half.mean());
    assertEquals(Interval.wilson(5, 10).low(), half.low(), 1e-12);
    Interval one = Interval.ofTasks(List.of(new double[]{1}, new double[]{0}));
    assertEquals(Interval.wilson(1, 2).high(), one.high(), 1e-12);
    assertEquals(2, one.samples());
  }

  /** Thirteen tasks of few or many samples, from hard to easy or all easy. */
  @ParameterizedTest
  @CsvSource({"2, 0, 1", "5, 0, 1", "5, 0.9, 1", "20, 0.3, 1", "100, 0, 1"})
  void meanOfTasks_coversTheTruth_andIsNoWiderThanOfOneTask(int samples, double least,
      double most) {
    Random random = new Random(7);
    int covered = 0;
    double width = 0;
    for (int run = 0; run < 2_000; run++) {
      List<double[]> tasks = new ArrayList<>();
      for (int task = 0; task < 13; task++) {
        double truth = least + (most - least) * (task + 0.5) / 13;
        tasks.add(random.doubles(samples).map(each -> each < truth ? 1 : 0).toArray());
      }
      Interval mean = Interval.ofTasks(tasks);
      double truth = (least + most) / 2;
      covered += mean.low() <= truth && truth <= mean.high() ? 1 : 0;
      Interval pooled = Interval.wilson(mean.mean() * 13 * samples, 13 * samples);
      width = Math.max(width, (mean.high() - mean.low()) / (pooled.high() - pooled.low()));
    }
    assertTrue(covered >= 1_880, covered + " of 2000");
    assertTrue(width <= 1 + 1e-9, "width " + width);
  }

  @Test
  void bootstrap_isNearTheNormalInterval_andRepeats() {
    Random random = new Random(4);
    double[] values = random.doubles(400).toArray();
    Interval interval = Interval.bootstrap(values);
    Interval normal = Interval.student(values);
    assertEquals(normal.low(), interval.low(), 5e-3);
    assertEquals(normal.high(), interval.high(), 5e-3);
    assertEquals(interval, Interval.bootstrap(values));
  }

  @Test
  void scores_chooseTheIntervalByWhatTheyAre() {
    assertEquals("Wilson", Interval.ofScores(new double[]{0, 1, 1}).method());
    Interval partial = Interval.ofScores(new double[]{0, 0.5, 1});
    assertEquals("bootstrap", partial.method());
    assertTrue(partial.low() >= 0 && partial.high() <= 1, partial.toString());
    assertThrows(IllegalArgumentException.class, () -> Interval.student(new double[0]));
  }

  /** Three of four needles in each of ten samples, or in one: that does not make the mean certain. */
  @ParameterizedTest
  @CsvSource({"1, 0.1179, 0.9854", "10, 0.4422, 0.9191", "100, 0.6570, 0.8245"})
  void equalScores_areNotCertain(int samples, double low, double high) {
    double[] scores = new double[samples];
    Arrays.fill(scores, 0.75);
    Interval interval = Interval.ofScores(scores);
    assertEquals(0.75, interval.mean());
    assertEquals(low, interval.low(), 5e-5);
    assertEquals(high, interval.high(), 5e-5);
  }
}
