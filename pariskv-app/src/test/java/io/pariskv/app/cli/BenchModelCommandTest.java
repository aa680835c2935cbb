package io.pariskv.app.cli;

import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
      assertEquals(0, row.get("pcie_bytes_per_token").asLong());
      assertEquals(2, row.get("batch").asInt());
      assertTrue(row.get("host_bytes").asLong() > 2 * 600 * 6 * 2 * 2 * 128 * 2, row::toString);
      assertFalse(row.has("prefill"), row::toString);
      assertFalse(row.has("pin_seconds_per_gib"), row::toString);
    }
    assertTrue(rows.get(0).get("attended_tokens").asDouble() > 600, rows::toString);
    assertTrue(rows.get(1).get("attended_tokens").asDouble() < 590, rows::toString);
  }

  @Test
  void lengths_areOneBatch_withARowForEachSequence() {
    JsonNode rows = run("bench", "model", "--shape", "recall-12m", "--lengths", "600,20,301",
        "--steps", 2, "--backend", "vector", "--fill-kv", "--dense-below", 300, "--json",
        "--method", "full,pariskv").succeeded().json().get("rows");
    assertEquals(2, rows.size());
    for (JsonNode row : rows) {
      assertEquals(600, row.get("context").asInt());
      assertEquals(3, row.get("batch").asInt());
      assertEquals(3, row.get("sequences").size());
    }
    JsonNode sequences = rows.get(1).get("sequences");
    assertEquals(20, sequences.get(1).get("tokens").asInt());
    int steps = 8 + 2 + 1; // with the warm-up, and the one that the cost is of
    assertEquals(20 + steps, sequences.get(1).get("attended_tokens").asDouble());
    assertEquals(301 + steps, sequences.get(2).get("attended_tokens").asDouble());
    assertEquals(64 + 256 + 100 + steps, sequences.get(0).get("attended_tokens").asDouble());
  }

  @Test
  void prefill_isComparedWithOneThatMakesNoSummaries() {
    JsonNode row = run(with(TINY, "--prefill", "--prefill-chunk", 250, "--json")).succeeded()
        .json().get("rows").get(0);
    JsonNode prefill = row.get("prefill");
    assertEquals(row.get("prefill_seconds").asDouble(),
        prefill.get("first_token_seconds").asDouble());
    assertTrue(prefill.get("reference_seconds").asDouble() > 0, row::toString);
    assertTrue(prefill.get("share_over_reference").asDouble() < 1, row::toString);
    assertTrue(prefill.get("commit_share").asDouble() > 0, row::toString);
    assertTrue(prefill.get("commit_share").asDouble() < 1, row::toString);
    assertTrue(prefill.get("tokens_per_second").asDouble() > 0, row::toString);
  }

  @Test
  void nonsense_isWrongUsage() {
    run("bench", "model", "--fill-kv", "--prefill").refused(2, "--prefill", "--fill-kv");
    run("bench", "model", "--lengths", "5,0").refused(2, "--lengths 0", "from 1");
    run("bench", "model", "--lengths", "5,6", "--batch", 2).refused(2, "--lengths", "--batch");
    run("bench", "model", "--lengths", "5", "--context", 9).refused(2, "--lengths", "--context");
    run("bench", "model", "--prefill-chunk", 0).refused(2, "--prefill-chunk 0", "at least 1");
    run("bench", "model", "--shape", "gpt-9").refused(2, "--shape 'gpt-9'", "llama-3.1-8b");
    run("bench", "model", "--batch", 0).refused(2, "--batch 0", "from 1");
    run("bench", "model", "--context", 1 << 30).refused(2, "--context 1073741824", "from 1 to");
  }

  @Test
  void modelThatDoesNotFit_isRefusedWithThePlan() {
    run("bench", "model", "--shape", "llama-3.1-8b", "--context", 2_000_000, "--fill-kv",
        "--backend", "vector").refused(1, "not enough memory", "K and V 244", "lower --context");
    run("bench", "model", "--shape", "recall-12m", "--lengths", "2000000" + ",300".repeat(100),
        "--fill-kv", "--backend", "vector").refused(1, "not enough memory", "K and V",
            "lower --context");
  }
}
