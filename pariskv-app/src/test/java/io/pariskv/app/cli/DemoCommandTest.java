package io.pariskv.app.cli;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static io.pariskv.app.Cli.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.app.Cli.Outcome;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code pariskv demo}. */
class DemoCommandTest {
  @Test
  void smallDocument_isAnsweredRightByBothMethods() {
    Outcome outcome = run("demo", "--model", RECALL_MODEL, "--tokens", 600, "--hops", 2,
        "--dense-below", 0, "--k", 64).succeeded();
    List<String> lines = outcome.out().lines().toList();
    assertTrue(lines.getFirst().startsWith("recall-12m on backend "), outcome.out());
    assertTrue(lines.get(1).startsWith("document of about 600 tokens, seed 1; Question : Follow"),
        outcome.out());
    List<String> table = lines.subList(lines.size() - 4, lines.size());
    assertTrue(table.get(0).matches("method +answer +prompt +prefill +decode +attended of held"
        + " +K,V read +summaries"), table.get(0));
    for (int i = 0; i < 2; i++) {
      String method = List.of("full", "pariskv").get(i);
      String row = table.get(2 + i);
      assertTrue(row.matches(method + " +right +\\d+ +\\d+ +[\\d.]+ +\\d+ of \\d+ +[\\d.]+ [KM]iB"
          + " +[\\d.]+ (B|KiB|MiB)"), row);
    }
    assertEquals(2, lines.stream().filter(line -> line.startsWith(" The path from the ")).count(),
        "both answers are streamed");
  }

  @Test
  void nonsense_isWrongUsage(@TempDir Path directory) {
    run("demo", "--tokens", 100).refused(2, "--tokens 100", "300");
    run("demo", "--tokens", 2_000_000).refused(2, "--tokens 2000000", "1000000");
    run("demo", "--hops", 0).refused(2, "--hops 0", "from 1 to 100");
    run("demo", "--tokens", 300, "--hops", 50).refused(2, "--hops 50", "300 tokens");
    run("demo", "--backend", "nope").refused(2, "--backend 'nope'");
    run("demo", "--k", 0).refused(2, "--k 0");
    run("demo", "--method", "full").refused(2, "'--method'");
    run("demo", "--model", directory.resolve("none")).refused(1, "none", "config.json");
  }
}
