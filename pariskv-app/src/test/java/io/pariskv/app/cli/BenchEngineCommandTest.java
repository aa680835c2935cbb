package io.pariskv.app.cli;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** {@code pariskv bench engine} with the bundled model. */
class BenchEngineCommandTest {
  private static final Object[] SHORT = {"bench", "engine", "--backend", "vector", "--model",
      RECALL_MODEL, "--streams", "1,3", "--prompt", 40, "--steps", 5};

  @Test
  void eachNumberOfStreams_hasARow() {
    JsonNode result = run(with(SHORT, "--chunk", 16, "--json")).succeeded().json();
    assertEquals(40, result.get("prompt_tokens").asInt());
    assertTrue(result.get("long_prompt_alone_seconds").isNull());
    JsonNode rows = result.get("rows");
    assertEquals(2, rows.size());
    for (JsonNode row : rows) {
      int streams = row.get("streams").asInt();
      assertEquals(streams, row.at("/first_token_ms/count").asInt());
      assertTrue(row.at("/between_tokens_ms/count").asInt() >= 5 * streams, row::toString);
      assertTrue(row.get("tokens_per_s").asDouble() > 0, row::toString);
      assertFalse(row.has("beside_long_prompt"));
    }
    assertEquals(3, rows.get(1).get("streams").asInt());
    assertEquals(4, run(with(SHORT, "--method", "full")).succeeded().out().lines().count());
  }

  @Test
  void longPrompt_isReadBesideTheStreams() {
    JsonNode result = run(with(SHORT, "--long-prompt", 600, "--max-stall-ms", 1, "--json"))
        .succeeded().json();
    assertTrue(result.get("long_prompt_alone_seconds").asDouble() > 0);
    for (JsonNode row : result.get("rows")) {
      JsonNode beside = row.get("beside_long_prompt");
      assertTrue(beside.get("seconds").asDouble() > 0, row::toString);
      JsonNode between = beside.get("between_tokens_ms");
      assertTrue(between.get("count").asInt() >= row.get("streams").asInt(), row::toString);
      assertTrue(between.get("max").asDouble() >= between.get("p50").asDouble(), row::toString);
    }
  }

  @Test
  void nonsense_isRefused() {
    run("bench", "engine", "--streams", "1,0").refused(2, "--streams 0", "from 1 to");
    run("bench", "engine", "--prompt", 0).refused(2, "--prompt 0", "from 1 to");
    run("bench", "engine", "--steps", 0).refused(2, "--steps 0", "from 1 to");
    run("bench", "engine", "--max-stall-ms", 0).refused(2, "max-stall-ms 0", "from 1 to");
    run("bench", "engine", "--shape", "huge").refused(2, "huge");
    run(with(SHORT, "--chunk", 1_000_000)).refused(1, "chunk 1000000", "512");
  }
}
