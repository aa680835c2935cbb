package io.pariskv.index;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import org.junit.jupiter.api.Test;

@Seeded
class SignCentroidsTest {

  @Test
  void score_isTheInnerProductWithTheSignPattern() {
    float[] p = RandomKv.normal(Seeds.random("centroids"), 24);
    float[] halves = new float[32];

    SignCentroids.halfScores(p, 8, halves);

    for (int centroid = 0; centroid < SignCentroids.COUNT; centroid++) {
      double expected = 0;
      for (int j = 0; j < SignCentroids.SUBSPACE_DIM; j++) {
        expected += (centroid >> j & 1) == 1 ? p[8 + j] : -p[8 + j];
      }
      assertEquals(expected, SignCentroids.score(halves, centroid), 1e-5, "centroid " + centroid);
    }
  }

  @Test
  void bestCentroid_isTheSignPatternOfTheQuery() {
    float[] p = {1, -2, 3, -4, -5, 6, -7, 8};
    float[] halves = new float[32];
    SignCentroids.halfScores(p, 0, halves);

    int best = 0;
    for (int centroid = 1; centroid < SignCentroids.COUNT; centroid++) {
      best = SignCentroids.score(halves, centroid) > SignCentroids.score(halves, best)
          ? centroid
          : best;
    }

    assertEquals(0b1010_0101, best);
    assertEquals(36, SignCentroids.score(halves, best));
  }
}
