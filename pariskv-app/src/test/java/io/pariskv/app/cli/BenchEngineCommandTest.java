package io.pariskv.app.cli;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** {@code pariskv bench engine} with the bundled model. */
class BenchEngineCommandTest {
  private static final Object[] SHORT = {"bench", "engine", "--backend", "vector", "--model",
      RECALL_MODEL, "--streams", "1,3", "--prompt", 40, "--steps", 5};

  @Test
  void eachNumberOfStreams_hasARow() {
    JsonNode rows = run(with(SHORT, "--chunk", 16, "--json")).succeeded().json().get("rows");
    assertEquals(2, rows.size());
    for (JsonNode row : rows) {
      assertEquals(40, row.get("prompt_tokens").asInt());
      assertTrue(row.get("tokens_per_s").asDouble() > 0, row::toString);
      assertTrue(row.get("prompt_tokens_per_s").asDouble() > 0, row::toString);
    }
    assertEquals(3, rows.get(1).get("streams").asInt());
    assertTrue(rows.get(1).get("longest_pause_ms").asDouble() > 0);
    assertEquals(4, run(with(SHORT, "--method", "full")).succeeded().out().lines().count());
  }

  @Test
  void nonsense_isRefused() {
    run("bench", "engine", "--streams", "1,0").refused(2, "--streams 0", "from 1 to");
    run("bench", "engine", "--prompt", 0).refused(2, "--prompt 0", "from 1 to");
    run("bench", "engine", "--steps", 0).refused(2, "--steps 0", "from 1 to");
    run(with(SHORT, "--chunk", 1_000_000)).refused(1, "chunk 1000000", "512");
  }
}
