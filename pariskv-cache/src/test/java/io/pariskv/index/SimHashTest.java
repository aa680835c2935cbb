package io.pariskv.index;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Seeded
class SimHashTest {

  /** As computed from the released code's formula. */
  @ParameterizedTest
  @CsvSource(textBlock = """
      -0.50, .000064, .000018, .000003, .000004, .000001
      -0.25, .002443, .001123, .000314, .000403, .000223
      0.0, .035083, .023390, .009684, .012289, .009710
      0.1, .083819, .063658, .030745, .038600, .034480
      0.2, .179648, .153405, .086737, .106952, .106252
      0.3, .341589, .321595, .213667, .255922, .275203
      0.4, .565108, .569081, .443276, .508121, .565335
      0.5, .795558, .822104, .735551, .795586, .862270
      0.6, .947365, .967025, .943412, .966029, .988294
      0.7, .995625, .998724, .997676, .999142, .999941
      0.8, .999968, .999998, .999998, 1, 1
      """)
  void probability_isThatOfTheRelease(double cosine, double k8l75, double k9l120, double k10l150,
      double k10l170, double k11l300) {
    double[] actual = {new SimHash(8, 75).probability(cosine),
        new SimHash(9, 120).probability(cosine), new SimHash(10, 150).probability(cosine),
        new SimHash(10, 170).probability(cosine), new SimHash(11, 300).probability(cosine)};

    assertArrayEquals(new double[]{k8l75, k9l120, k10l150, k10l170, k11l300}, actual, 1e-6);
  }

  @Test
  void probability_isPreciseWhereItIsSmall_andAProbabilityEverywhere() {
    SimHash hash = new SimHash(8, 2);
    double x = Math.pow(1 - Math.acos(-0.9) / Math.PI, 8); // both tables collide
    assertEquals(1, hash.probability(-0.9) / (x * x), 1e-6);
    assertEquals(0, hash.probability(-1));
    assertEquals(1, hash.probability(1));
    assertEquals(1, hash.probability(1.5)); // a cosine that was rounded
    assertEquals(hash.probability(0), hash.probability(Double.NaN));
    double last = 0;
    for (int i = -1_000; i <= 1_000; i++) {
      double u = new SimHash(10, 150).probability(i / 1_000.0);
      assertTrue(u >= last && u <= 1, "u " + u + " of " + i / 1_000.0);
      last = u;
    }
  }

  @ParameterizedTest
  @CsvSource({"8, 75", "9, 120", "10, 150", "10, 170", "11, 57", "11, 300", "4, 20", "16, 1024"})
  void weightsByStraightLines_areOffByLessThanATenThousandth(int bits, int tables) {
    SimHash hash = new SimHash(bits, tables);
    float[] weights = hash.logWeights();
    for (int i = -20_000; i <= 20_000; i++) {
      float cosine = i / 20_000f;
      assertEquals(hash.logWeight(cosine), SimHash.logWeight(weights, 3 * cosine, 9, 1), 1e-4,
          () -> "cosine " + cosine);
    }
  }

  @Test
  void weightsOfVectorsWithoutADirection_areThoseOfARightAngle() {
    SimHash hash = new SimHash(10, 150);
    float[] weights = hash.logWeights();
    float square = (float) hash.logWeight(0);
    assertEquals(square, SimHash.logWeight(weights, 0, 1, 0), 1e-6);
    assertEquals(square, SimHash.logWeight(weights, 0, 0, 1), 1e-6);
    assertEquals(square, SimHash.logWeight(weights, Float.NaN, 1, 1), 1e-6);
    assertEquals(weights[SimHash.INTERVALS], SimHash.logWeight(weights, 1.001f, 1, 1));
    assertEquals(weights[0], SimHash.logWeight(weights, -1.001f, 1, 1));
  }

  @Test
  void planes_areNormal_independentOfEachOther_andTheSameWithMoreTables() {
    SimHash hash = new SimHash(10, 150);
    float[] planes = hash.planes(64, SimHash.SEED);
    double sum = 0;
    double squares = 0;
    double fourth = 0;
    double neighbours = 0;
    int count = 64 * hash.planes();
    for (int i = 0; i < 64; i++) {
      for (int p = 0; p < hash.planes(); p++) {
        double x = planes[i * hash.stride() + p];
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
        neighbours += p > 0 ? x * planes[i * hash.stride() + p - 1] : 0;
      }
      assertEquals(0, planes[i * hash.stride() + hash.planes()]);
    }
    assertEquals(0, sum / count, 4 / Math.sqrt(count));
    assertEquals(1, squares / count, 4 * Math.sqrt(2.0 / count));
    assertEquals(3, fourth / count, 4 * Math.sqrt(96.0 / count));
    assertEquals(0, neighbours / count, 4 / Math.sqrt(count));

    SimHash more = new SimHash(10, 170);
    float[] others = more.planes(64, SimHash.SEED);
    for (int i = 0; i < 64; i++) {
      assertArrayEquals(
          Arrays.copyOfRange(planes, i * hash.stride(), i * hash.stride() + hash.planes()),
          Arrays.copyOfRange(others, i * more.stride(), i * more.stride() + hash.planes()));
    }
    assertTrue(!Arrays.equals(planes, hash.planes(64, SimHash.SEED + 1)));
  }

  /** Over random planes a key is sampled as often as the formula says, within six standard deviations, since every run has another seed. */
  @ParameterizedTest
  @CsvSource({"0.0", "0.2", "0.5", "0.7", "-0.3"})
  void keysAtAnAngle_collideTwiceAsOftenAsTheFormulaSays(double cosine) {
    SimHash hash = new SimHash(4, 9);
    int headDim = 24;
    int trials = 3_000;
    RandomGenerator random = Seeds.random("angle", cosine);
    int sampled = 0;
    for (int trial = 0; trial < trials; trial++) {
      float[] planes = hash.planes(headDim, random.nextLong());
      sampled += collisions(hash, planes, headDim, cosine) >= SimHash.COLLISIONS ? 1 : 0;
    }
    double u = hash.probability(cosine);
    assertEquals(u, (double) sampled / trials, 6 * Math.sqrt(u * (1 - u) / trials));
  }

  /** Of the first unit vector and one at that angle to it. */
  private static int collisions(SimHash hash, float[] planes, int headDim, double cosine) {
    int collisions = 0;
    double sine = Math.sqrt(1 - cosine * cosine);
    for (int table = 0; table < hash.tables(); table++) {
      boolean same = true;
      for (int plane = table * hash.bits(); plane < (table + 1) * hash.bits(); plane++) {
        double first = planes[plane];
        double second = planes[(headDim - 1) * hash.stride() + plane];
        same &= first > 0 == cosine * first + sine * second > 0;
      }
      collisions += same ? 1 : 0;
    }
    return collisions;
  }

  @Test
  void settingsOutOfRange_areRefusedWithBothNumbers() {
    assertRefused(InputException.class, () -> new SimHash(0, 10), "lsh-bits 0", "1 to 16");
    assertRefused(InputException.class, () -> new SimHash(17, 10), "lsh-bits 17", "1 to 16");
    assertRefused(InputException.class, () -> new SimHash(10, 1), "lsh-tables 1", "2 to 1024");
    assertRefused(InputException.class, () -> new SimHash(10, 1_025), "lsh-tables 1025");
  }
}
