package io.pariskv.app.cli;

import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code pariskv compare}; what it measures is not looked at, what it counts is. */
class CompareCommandTest {
  private static final Object[] TINY = {"compare", "--backend", "vector", "--heads", 4,
      "--kv-heads", 2, "--head-dim", 32, "--layers", 2, "--steps", 2, "--queries", 3};

  /** By method and context. */
  private static Map<String, JsonNode> rows(Object... flags) {
    Map<String, JsonNode> rows = new LinkedHashMap<>();
    run(with(with(TINY, flags), "--json")).succeeded().out().lines()
        .map(line -> JsonMapper.shared().readTree(line)).forEach(row -> rows
            .put(row.get("method").asString() + " " + row.get("context").asInt(), row));
    return rows;
  }

  private static JsonNode row(Map<String, JsonNode> rows, String name) {
    JsonNode row = rows.get(name);
    assertTrue(row != null, () -> name + " is not in " + rows.keySet());
    return row;
  }

  @Test
  void everyMethod_isARow_asReleasedAndMatched() {
    Map<String, JsonNode> rows = rows("--context", 3000);
    assertTrue(rows.keySet().containsAll(Stream.of("full", "window", "exact-topk", "pariskv",
        "pariskv:sharp", "quest", "quest:released", "pqcache", "pqcache:released")
        .map(name -> name + " 3000").toList()), rows::toString);
    assertFalse(rows.containsKey("pariskv:released 3000"), "the same settings as pariskv");
    assertEquals("as released, matched",
        row(rows, "pariskv 3000").get("settings").asString());
    assertEquals("as released", row(rows, "quest:released 3000").get("settings").asString());
    assertEquals(2048, row(rows, "quest:released 3000").get("k").asInt());
    assertEquals("matched", row(rows, "pqcache 3000").get("settings").asString());
    assertTrue(row(rows, "pqcache:released 3000").get("k").isNull());
    for (JsonNode row : rows.values()) {
      assertTrue(row.get("ms_median").asDouble() > 0, row::toString);
      assertTrue(row.get("ms_p5").asDouble() <= row.get("ms_median").asDouble(), row::toString);
      assertTrue(row.get("ms_p95").asDouble() >= row.get("ms_median").asDouble(), row::toString);
      assertTrue(row.get("recorded").asBoolean(), row::toString);
      assertEquals(0, row.get("pcie_bytes").asLong());
      assertEquals(0, row.get("pcie_window_bytes").asLong());
      assertEquals("device", row.get("placement").asString());
    }
    assertEquals(1, row(rows, "full 3000").get("full_over_this").asDouble());
    assertEquals(1, row(rows, "pariskv 3000").get("this_over_pariskv").asDouble());
  }

  /** 64 tokens of the sink, 256 of the window and the new one; a token's K and V are 256 bytes. */
  @Test
  void rowsCount_whatAStepAttendsAndReads() {
    Map<String, JsonNode> rows = rows("--context", 3000, "--k", 48);
    assertAttended(rows, "full", 3001, 3001 * 256, 0);
    assertAttended(rows, "window", 321, 321 * 256, 0);
    assertAttended(rows, "exact-topk", 321 + 48, (321 + 48) * 256 + 2680 * 128, 0);
    assertAttended(rows, "quest", 321 + 48, (321 + 2 * 48) * 256 + 168 * 256, 168 * 256);
    JsonNode released = row(rows, "quest:released 3000"); // 127 pages and the one at hand
    assertEquals(127 * 16 + 9, released.get("attended_tokens").asDouble());
    JsonNode pqcache = row(rows, "pqcache:released 3000"); // 32, and a twentieth of the rest twice
    assertEquals(32 + 148 + 1 + 148, pqcache.get("attended_tokens").asDouble());
    assertTrue(pqcache.get("index_ms").asDouble() > 0, pqcache::toString);
    assertTrue(row(rows, "pariskv 3000").get("kept_bytes").asLong() > 2680 * 2 * 4,
        rows::toString);
  }

  private static void assertAttended(Map<String, JsonNode> rows, String method, int tokens,
      long bytes, long indexBytes) {
    JsonNode row = row(rows, method + " 3000");
    assertEquals(tokens, row.get("attended_tokens").asDouble(), row::toString);
    assertEquals(bytes, row.get("bytes").asLong(), row::toString);
    assertEquals(indexBytes, row.get("index_bytes").asLong(), row::toString);
  }

  @Test
  void severalKs_areRowsOfEveryMethodThatHasThem_besideWhatWasReleased() {
    Map<String, JsonNode> rows = rows("--context", 2500, "--k", "32,100", "--method",
        "full,pariskv,pariskv:released,quest");
    assertEquals(List.of("full 2500", "pariskv k=32 2500", "pariskv k=100 2500",
        "quest k=32 2500", "quest k=100 2500"), List.copyOf(rows.keySet()));
    assertEquals("as released, matched",
        row(rows, "pariskv k=100 2500").get("settings").asString());
    double own = row(rows, "quest k=100 2500").get("ms_median").asDouble();
    double pariskv = row(rows, "pariskv k=100 2500").get("ms_median").asDouble();
    assertEquals(own / pariskv, row(rows, "quest k=100 2500").get("this_over_pariskv").asDouble());
  }

  /** As the methods are compared: {@code matched} and {@code released} are presets of all that have them. */
  @Test
  void presetsReleasedAndMatched_areThoseOfEveryMethod() {
    String all = "full,window,exact-topk,pariskv,quest,pqcache,magicpig";
    Map<String, JsonNode> matched = rows("--context", 2500, "--method", all, "--preset", "matched",
        "--k", 96);
    assertEquals(7, matched.size());
    matched.forEach((name, row) -> {
      boolean selects = !name.startsWith("full") && !name.startsWith("window");
      assertEquals(name.startsWith("full") ? "" : "matched", row.get("settings").asString(), name);
      assertEquals(selects ? 96 : 0, row.get("k").asInt(0), name);
    });
    Map<String, JsonNode> released = rows("--context", 2500, "--method", all, "--preset",
        "released");
    for (String method : List.of("pariskv", "quest", "pqcache", "magicpig")) {
      String settings = row(released, method + " 2500").get("settings").asString();
      assertEquals("as released", settings, method);
    }
    assertEquals("matched", row(released, "exact-topk 2500").get("settings").asString());
    assertEquals("released, changed", row(rows("--context", 2500, "--method", "quest", "--preset",
        "released", "--page-size", 32), "quest 2500").get("settings").asString());
  }

  /** Bytes are of the keys that were sampled, which is what is counted as attended. */
  @Test
  void magicPig_isComparedAtItsK_andReadsWhatItAttends() {
    Map<String, JsonNode> rows = rows("--context", 3000, "--k", "64,200", "--method",
        "pariskv,magicpig");
    for (int k : List.of(64, 200)) {
      JsonNode row = row(rows, "magicpig k=" + k + " 3000");
      JsonNode pariskv = row(rows, "pariskv k=" + k + " 3000");
      assertEquals(k, row.get("k").asInt());
      assertEquals(row.get("ms_median").asDouble() / pariskv.get("ms_median").asDouble(),
          row.get("this_over_pariskv").asDouble());
      double sampled = row.get("attended_tokens").asDouble() - 321;
      long rowBytes = row.get("bytes").asLong() - row.get("index_bytes").asLong();
      // K twice and V, for each of two heads
      assertEquals((321 + 1.5 * 2 * sampled) * 256, (double) rowBytes, 1, row::toString);
    }
  }

  @Test
  void tablesOnTheHost_areRowsBesideThoseOnTheDevice_whichACpuBackendRefuses() {
    Map<String, JsonNode> rows = rows("--context", 2500, "--tables", "device,host", "--method",
        "full,magicpig:released");
    assertEquals(List.of("full 2500", "magicpig:released 2500",
        "magicpig:released tables=host 2500"), rows.keySet().stream().sorted().toList());
    JsonNode host = row(rows, "magicpig:released tables=host 2500");
    assertEquals("as released", host.get("settings").asString());
    assertTrue(host.get("error").asString().contains("--tables host is for --backend cuda"));
    assertTrue(row(rows, "magicpig:released 2500").get("ms_median").asDouble() > 0);
  }

  @Test
  void contextThatDoesNotFit_isARowThatSaysSo_andTheOthersGoOn() {
    Map<String, JsonNode> rows = rows("--context", "2000000,300", "--batch", 256, "--method",
        "full,window");
    for (String method : List.of("full", "window")) {
      String error = row(rows, method + " 2000000").get("error").asString();
      assertTrue(error.contains("not enough memory") && error.contains("K and V")
          && error.contains("lower --context (2000000)"), error);
      assertTrue(row(rows, method + " 300").get("ms_median").asDouble() > 0);
    }
  }

  @Test
  void table_hasALineForEachRow() {
    String out = run(with(TINY, "--context", "300,2500", "--method", "full,pariskv,quest:released"))
        .succeeded().out();
    List<String> lines = out.lines().toList();
    assertEquals(2 + 2 * 6 - 1 + 1, lines.size(), out);
    assertEquals(2, lines.stream().filter(line -> line.startsWith("quest:released")).count(), out);
    assertEquals(4, lines.stream().filter(line -> line.matches(".* 1\\.00x .*"))
        .collect(Collectors.toList()).size(), out);
  }

  @Test
  void nonsense_isWrongUsage() {
    run("compare", "--context", 0).refused(2, "--context 0", "from 1 to");
    run("compare", "--batch", 0).refused(2, "--batch 0", "from 1 to");
    run("compare", "--steps", 0).refused(2, "--steps 0", "from 1 to");
    run("compare", "--layers", -1).refused(2, "--layers -1", "from 1 to");
    run("compare", "--queries", 0).refused(2, "--queries 0", "from 1 to");
    run("compare", "--offload", "auto").refused(2, "--offload", "auto");
    run("compare", "--method", "nope").refused(2, "method 'nope'");
    run("compare", "--k", "8,100").refused(2, "quest k=8", "at least 16");
    run("compare", "--head-dim", 48).refused(2, "48", "power");
    run("compare", "--backend", "nope").refused(2, "--backend 'nope'", "vector");
  }
}
