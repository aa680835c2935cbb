package io.pariskv.app.cli;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** {@code pariskv bench overlap} with the bundled model. */
class BenchOverlapCommandTest {
  private static final Object[] SHORT = {"bench", "overlap", "--backend", "vector", "--model",
      RECALL_MODEL, "--tokens", 2_100, "--steps", 20};

  @Test
  void cachesOfMoreRows_hitMore_andOneOfAStepsRowsHitsWhatStepsHaveInCommon() {
    JsonNode rows = run(with(SHORT, "--k", "50,300", "--times", "1,2,40", "--json")).succeeded()
        .json().get("rows");
    assertEquals(2, rows.size());
    for (JsonNode row : rows) {
      assertEquals(19, row.get("steps").asInt());
      double overlap = row.get("overlap").asDouble();
      assertTrue(overlap > 0 && overlap < 1, row::toString);
      assertTrue(row.get("overlap_lowest").asDouble() <= overlap, row::toString);
      assertTrue(row.get("overlap_highest").asDouble() >= overlap, row::toString);
      List<JsonNode> caches = row.get("caches").values().stream().toList();
      assertEquals(2 * row.get("k").asInt(), caches.get(1).get("rows").asInt());
      assertEquals(overlap, caches.get(0).get("hit_rate").asDouble(), 1e-9);
      assertTrue(caches.get(1).get("hit_rate").asDouble() > overlap, row::toString);
      assertTrue(caches.get(2).get("hit_rate").asDouble() > caches.get(1).get("hit_rate")
          .asDouble(), row::toString);
    }
    assertEquals(5, run(with(SHORT, "--k", "50", "--times", "1,2,3")).succeeded().out().lines()
        .count());
  }

  @Test
  void nonsense_isRefused() {
    run("bench", "overlap", "--k", 0).refused(2, "--k 0", "at least 1");
    run("bench", "overlap", "--times", "1,0").refused(2, "--times 0", "from 1 to");
    run("bench", "overlap", "--steps", 0).refused(2, "--steps 0", "from 1 to");
    run("bench", "overlap", "--tokens", 7).refused(2, "--tokens 7", "from 300");
    run("bench", "overlap", "--backend", "vector", "--model", RECALL_MODEL, "--tokens", 1_000,
        "--steps", 5).refused(1, "tokens are attended whole");
  }
}
