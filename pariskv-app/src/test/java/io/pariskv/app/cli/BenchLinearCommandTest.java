package io.pariskv.app.cli;

import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** {@code pariskv bench linear}; what it measures is not looked at. */
class BenchLinearCommandTest {
  private static final Object[] TINY = {"bench", "linear", "--shape", "recall-12m", "--batch",
      "1,3", "--steps", 2, "--backend", "vector"};

  @Test
  void json_hasARowForEachBatch() {
    JsonNode json = run(with(TINY, "--json")).succeeded().json();
    assertEquals("recall-12m", json.get("shape").asString());
    assertEquals(2, json.get("rows").size());
    long layer = 384L * 128 * 2 * (8 + 2) + 3L * 384 * 768;
    for (JsonNode row : json.get("rows")) {
      assertTrue(row.get("ms_p95").asDouble() >= row.get("ms_median").asDouble(), row::toString);
      assertTrue(row.get("bandwidth_gb_s").asDouble() > 0, row::toString);
      assertEquals(2 * (6 * layer + 384 * 2345), row.get("bytes").asLong());
    }
    assertEquals(3, json.get("rows").get(1).get("batch").asInt());
  }

  @Test
  void table_hasOneLineForEach() {
    List<String> lines = run(TINY).succeeded().out().lines().toList();
    assertEquals(2 + 2, lines.size(), lines::toString);
  }

  @Test
  void nonsense_isWrongUsage() {
    run("bench", "linear", "--shape", "gpt-9").refused(2, "--shape 'gpt-9'", "llama-3.1-8b");
    run("bench", "linear", "--batch", "1,0").refused(2, "--batch 0", "from 1");
    run("bench", "linear", "--steps", 0).refused(2, "--steps 0", "from 1");
    run("bench", "linear", "--backend", "nope").refused(2, "--backend 'nope'");
  }
}
