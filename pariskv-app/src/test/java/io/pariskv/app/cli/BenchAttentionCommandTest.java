package io.pariskv.app.cli;

import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** {@code pariskv bench attention}; what it measures is not looked at, what it counts is. */
class BenchAttentionCommandTest {
  private static final Object[] TINY = {"bench", "attention", "--backend", "vector", "--heads", 4,
      "--kv-heads", 2, "--head-dim", 32, "--layers", 2, "--steps", 3};

  @Test
  void json_hasARowForEachMethodContextBatchAndK() {
    JsonNode json = run(with(TINY, "--context", 2500, "--batch", "1,2", "--k", "20,60", "--json"))
        .succeeded().json();
    assertTrue(json.get("read_gb_s").asDouble() > 0, json::toString);
    List<String> rows = new ArrayList<>();
    for (JsonNode row : json.get("rows")) {
      rows.add(row.get("method").asString() + " " + row.get("context").asInt() + " "
          + row.get("batch").asInt() + (row.get("k").isNull() ? "" : " " + row.get("k").asInt()));
      assertTrue(row.get("ms_median").asDouble() > 0, row::toString);
      assertTrue(row.get("ms_p95").asDouble() >= row.get("ms_median").asDouble(), row::toString);
      assertTrue(row.get("bandwidth_gb_s").asDouble() > 0, row::toString);
      assertEquals(2, row.get("layers").asInt());
      assertEquals("warm L2: 2 layers in turn", row.get("cache").asString());
      assertEquals("device", row.get("kv_placement").asString());
      assertEquals(0, row.get("row_cache").asInt());
      assertTrue(row.get("row_cache_hit_rate").isNull(), row::toString);
      assertStagesAddUp(row);
    }
    assertEquals(
        List.of("full 2500 1", "pariskv 2500 1 20", "pariskv 2500 1 60", "full 2500 2",
            "pariskv 2500 2 20", "pariskv 2500 2 60"),
        rows);
    assertBytesOfTheBudget(json.get("rows"));
  }

  private static void assertStagesAddUp(JsonNode row) {
    double milliseconds = 0;
    long bytes = 0;
    for (JsonNode stage : row.get("stages")) {
      milliseconds += stage.get("ms").asDouble();
      bytes += stage.get("bytes").asLong();
      assertTrue(stage.get("bytes").asLong() > 0, row::toString);
      assertEquals(0, stage.get("pcie_bytes").asLong());
    }
    assertEquals(row.get("ms_median").asDouble(), milliseconds, 1e-9);
    assertEquals(row.get("bytes").asLong(), bytes);
    boolean retrieves = row.get("method").asString().equals("pariskv");
    assertEquals(retrieves ? 7 : 1, row.get("stages").size(), row::toString);
    assertEquals(retrieves ? 64 + 257 + row.get("k").asInt() : row.get("context").asInt() + 1,
        row.get("attended_tokens").asDouble(), row::toString);
  }

  /** Rows of 32 numbers in bf16 for 2 KV heads; 2,180 keys in the zone, half of which are reranked. */
  private static void assertBytesOfTheBudget(JsonNode rows) {
    assertEquals(2 * (2501 * 2 * 2 * 32 * 2 + 2 * 4 * 4 * 32),
        rows.get(3).get("bytes").asLong());
    JsonNode stages = rows.get(4).get("stages");
    assertEquals("vote", stages.get(2).get("name").asString());
    assertEquals(2 * 2 * (4 * 256 + 2180 * 4 + 2180), stages.get(2).get("bytes").asLong());
    assertEquals("rerank", stages.get(4).get("name").asString());
    assertEquals(2 * 2 * (32 * 4 + 1090 * (4 + 4 * 6 + 4)), stages.get(4).get("bytes").asLong());
    assertEquals("fetch+attend", stages.get(6).get("name").asString());
    assertEquals(2 * (341 * 2 * 2 * 32 * 2 + 2 * 4 * 4 * 32 + 2 * 4 * 20),
        stages.get(6).get("bytes").asLong());
  }

  /** Of 2,180 keys 60 are selected: 3% in common by chance. */
  @Test
  void stepsAskOtherQueries_whoseSelectionsOverlapAsTheyAreCorrelated() {
    double last = -1;
    for (double correlation : new double[]{0, 0.9, 1}) {
      JsonNode json = run(with(TINY, "--context", 2500, "--method", "pariskv", "--k", 60,
          "--queries", 5, "--query-correlation", correlation, "--json")).succeeded().json();
      assertEquals(5, json.get("queries").asInt());
      assertEquals(correlation, json.get("query_correlation").asDouble());
      double overlap = json.get("rows").get(0).get("selection_overlap").asDouble();
      assertTrue(overlap > last + 0.2 || last < 0 && overlap < 0.2, correlation + ": " + overlap);
      last = overlap;
    }
    assertEquals(1, last);
  }

  @Test
  void presetsAndGroups_areMeasuredEachWithEach_andNamedByWhatDiffers() {
    JsonNode rows = run(with(TINY, "--context", 2500, "--method", "pariskv", "--preset",
        "paper,sharp", "--group", "mean,per-head", "--json")).succeeded().json().get("rows");
    assertEquals(
        List.of("pariskv", "pariskv per-head", "pariskv sharp", "pariskv sharp per-head"),
        rows.valueStream().map(row -> row.get("method").asString()).toList());
    for (JsonNode row : rows) {
      boolean together = row.get("method").asString().endsWith("per-head");
      assertEquals(together ? 9 : 7, row.get("stages").size(), row::toString);
      for (JsonNode stage : row.get("stages")) {
        assertTrue(stage.get("bytes").asLong() > 0, row::toString);
      }
    }
    JsonNode vote = rows.get(2).get("stages").get(2); // ids and norms of 2,180 keys, and votes
    assertEquals(2 * (4 * 256 + 2180 * (4 + 2) + 2180), vote.get("bytes").asLong());
    JsonNode rerank = rows.get(2).get("stages").get(4); // of the root of 100 * 2,180
    assertEquals(2 * (32 * 4 + 467 * (4 + 4 * 6 + 4)), rerank.get("bytes").asLong());
  }

  @Test
  void table_hasALineForEachRowAndStage() {
    List<String> lines = run(with(TINY, "--context", "300,2500")).succeeded().out().lines()
        .toList();
    assertEquals(2 + 2 + 2 + 2 + 8, lines.size(), lines::toString);
    assertTrue(lines.get(8).startsWith("pariskv k=100, 1 x 2500 tokens"), lines::toString);
  }

  @Test
  void contextThatDoesNotFit_isRefusedWithThePlan_beforeAnythingIsMeasured() {
    run("bench", "attention", "--backend", "vector", "--context", "300,2000000", "--batch", 256,
        "--json").refused(1, "not enough memory", "K and V", "available", "--context (2000000)",
            "--batch (256)");
  }

  @Test
  void nonsense_isWrongUsage() {
    run("bench", "attention", "--context", 0).refused(2, "--context 0", "from 1 to");
    run("bench", "attention", "--batch", "1,0").refused(2, "--batch 0", "from 1 to");
    run("bench", "attention", "--k", 0).refused(2, "--k 0", "at least 1");
    run("bench", "attention", "--layers", -1).refused(2, "--layers -1", "from 1 to");
    run("bench", "attention", "--queries", 0).refused(2, "--queries 0", "from 1 to");
    run("bench", "attention", "--query-correlation", 1.5).refused(2, "--query-correlation 1.5",
        "from 0 to 1");
    run("bench", "attention", "--row-cache", "some").refused(2, "--row-cache 'some'", "auto, off");
    run("bench", "attention", "--steps", 0).refused(2, "--steps 0", "from 1 to");
    run("bench", "attention", "--heads", 3).refused(2, "--heads 3", "--kv-heads 8");
    run("bench", "attention", "--head-dim", 48).refused(2, "48", "power");
    run("bench", "attention", "--method", "nope").refused(2, "--method 'nope'", "full, pariskv");
    run("bench", "attention", "--preset", "nope").refused(2, "--preset 'nope'", "ruler");
    run("bench", "attention", "--group", "nope").refused(2, "--group 'nope'", "per-head");
    run("bench", "attention", "--backend", "nope").refused(2, "--backend 'nope'", "vector");
  }
}
