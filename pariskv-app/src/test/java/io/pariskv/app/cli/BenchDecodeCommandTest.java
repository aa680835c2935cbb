package io.pariskv.app.cli;

import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** {@code pariskv bench decode}; what it measures is not looked at. */
class BenchDecodeCommandTest {
  private static final Object[] TINY = {"bench", "decode", "--context", "300,2500", "--kv-heads", 2,
      "--heads", 4, "--head-dim", 32, "--steps", 3, "--method", "full,pariskv"};

  @Test
  void json_hasARowForEachMethodAndContext() {
    JsonNode json = run(with(TINY, "--json", "--sink", 16, "--local", 32, "--k", 20)).succeeded()
        .json();
    JsonNode rows = json.get("rows");
    Set<String> seen = IntStream.range(0, rows.size()).mapToObj(rows::get)
        .map(row -> row.get("method").asString() + " " + row.get("context").asInt())
        .collect(Collectors.toSet());
    assertEquals(Set.of("full 300", "pariskv 300", "read 300", "full 2500", "pariskv 2500",
        "read 2500"), seen);
    for (JsonNode row : rows) {
      assertTrue(row.get("ms_median").asDouble() > 0, row::toString);
      assertTrue(row.get("ms_p95").asDouble() >= row.get("ms_median").asDouble(), row::toString);
      assertTrue(row.get("bytes_read").asLong() > 0, row::toString);
    }
    assertAttended(rows, "full", 2500, 2500, 2600);
    assertAttended(rows, "pariskv", 2500, 16 + 32 + 20, 200);
  }

  private static void assertAttended(JsonNode rows, String method, int context, int from, int to) {
    double attended = IntStream.range(0, rows.size()).mapToObj(rows::get)
        .filter(row -> row.get("method").asString().equals(method)
            && row.get("context").asInt() == context)
        .mapToDouble(row -> row.get("attended_tokens").asDouble()).findFirst().orElseThrow();
    assertTrue(attended >= from && attended <= to, method + " attended " + attended);
  }

  @Test
  void table_hasOneLineForEach() {
    List<String> lines = run(TINY).succeeded().out().lines().toList();
    assertEquals(2 + 6, lines.size());
    assertTrue(lines.get(1).startsWith("method       context  ms median"), lines.get(1));
  }

  @Test
  void contextThatDoesNotFit_isRefusedWithThePlan() {
    run("bench", "decode", "--context", 1 << 24, "--kv-heads", 128, "--heads", 128, "--head-dim",
        256, "--method", "full", "--json").refused(1, "not enough memory", "K and V",
            "available", "lower --context");
  }

  @Test
  void nonsense_isWrongUsage() {
    run(with(TINY, "--nope")).refused(2, "'--nope'", "bench decode --help");
    run("bench", "decode", "--steps", 0).refused(2, "--steps 0", "from 1 to");
    run("bench", "decode", "--context", 0).refused(2, "--context 0", "from 1 to");
    run("bench", "decode", "--context", "1,x").refused(2, "--context", "'x'");
    run("bench", "decode", "--heads", 3).refused(2, "--heads 3", "--kv-heads 8");
    run("bench", "decode", "--kv-heads", 0).refused(2, "--kv-heads 0");
    run("bench", "decode", "--head-dim", 1000).refused(2, "--head-dim 1000");
    run("bench", "decode", "--head-dim", 48).refused(2, "48", "power");
    run("bench", "decode", "--method", "full,nope").refused(2, "--method 'nope'", "full, pariskv");
    run("bench", "decode", "--method", "full,").refused(2, "--method ''");
    run("bench", "decode", "--backend", "nope").refused(2, "--backend 'nope'", "vector, scalar");
    run("bench").refused(2, "decode", "bench --help");
  }
}
