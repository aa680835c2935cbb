package io.pariskv.app.cli;

import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** {@code pariskv bench model}; what it measures is not looked at. */
class BenchModelCommandTest {
  private static final Object[] TINY = {"bench", "model", "--shape", "recall-12m", "--context",
      "600", "--steps", 3, "--backend", "vector", "--batch", 2, "--dense-below", 300};

  @ParameterizedTest
  @ValueSource(strings = {"--fill-kv", "--prefill-chunk=250"})
  void json_hasARowForEachMethod(String how) {
    JsonNode json = run(with(TINY, "--json", "--method", "full,pariskv", how)).succeeded().json();
    assertEquals("recall-12m", json.get("shape").asString());
    JsonNode rows = json.get("rows");
    assertEquals(2, rows.size());
    for (JsonNode row : rows) {
      assertEquals(600, row.get("context").asInt());
      assertTrue(row.get("ms_p95").asDouble() >= row.get("ms_median").asDouble(), row::toString);
      assertTrue(row.get("tokens_per_second").asDouble() > 0, row::toString);
      assertEquals(how.equals("--fill-kv"), row.get("prefill_seconds").asDouble() == 0);
      assertEquals(0, row.get("bus_bytes_per_step").asLong());
    }
    assertTrue(rows.get(0).get("attended_tokens").asDouble() > 600, rows::toString);
    assertTrue(rows.get(1).get("attended_tokens").asDouble() < 590, rows::toString);
  }

  @Test
  void nonsense_isWrongUsage() {
    run("bench", "model", "--shape", "gpt-9").refused(2, "--shape 'gpt-9'", "llama-3.1-8b");
    run("bench", "model", "--batch", 0).refused(2, "--batch 0", "from 1");
    run("bench", "model", "--context", 1 << 30).refused(2, "--context 1073741824", "from 1 to");
  }

  @Test
  void modelThatDoesNotFit_isRefusedWithThePlan() {
    run("bench", "model", "--shape", "llama-3.1-8b", "--context", 2_000_000, "--fill-kv",
        "--backend", "vector").refused(1, "not enough memory", "K and V 244", "lower --context");
  }
}
