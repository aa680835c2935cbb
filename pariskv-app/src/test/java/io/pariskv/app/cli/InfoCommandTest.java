package io.pariskv.app.cli;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static io.pariskv.app.Cli.fixture;
import static io.pariskv.app.Cli.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** {@code pariskv info}: one fact a line. */
class InfoCommandTest {
  private static void assertLines(List<String> patterns, List<String> lines) {
    assertEquals(patterns.size(), lines.size(), () -> String.join("\n", lines));
    for (int i = 0; i < patterns.size(); i++) {
      String line = lines.get(i);
      assertTrue(Pattern.matches(patterns.get(i), line), line + " is not " + patterns.get(i));
    }
  }

  private static final List<String> MACHINE = List.of("java        25\\S*, .+",
      "processors  \\d+, \\S+.* \\S+",
      "backend     cuda(, .*| cannot be used: .+)",
      "backend     vector(, \\d+-bit vectors, .*| cannot be used: .+)",
      "backend     scalar, .+",
      "memory      [\\d.]+ [KMGT]iB of [\\d.]+ [KMGT]iB host memory available.*");

  @Test
  void withoutModel_theMachineIsDescribed() {
    assertLines(MACHINE, run("info").succeeded().out().lines().toList());
  }

  @Test
  void model_isDescribedWithAPlanForEachMethod() {
    List<String> lines = run("info", "--model", fixture("llama3-rope-scaled"), "--context", 1000,
        "--backend", "vector").succeeded().out().lines().toList();
    assertLines(MACHINE, lines.subList(0, MACHINE.size()));
    assertLines(List.of("", "model       .*llama3-rope-scaled", "family      LlamaForCausalLM",
        "layers      3, hidden size 128, feed-forward 256, vocabulary 384",
        "attention   4 query heads, 2 KV heads, head size 32",
        "positions   4096, RoPE theta 500000, stretched 8 times by llama3 from 64",
        "weights     2.1 MiB in 30 tensors, embedding f32", "",
        "plan for 1000 tokens with full on vector, K and V in bf16:",
        "  weights                 2.1 MiB mapped", "  activations             .* MiB",
        "  K and V               768.0 KiB", "  session .* KiB", "  total                   .* MiB",
        "  to allocate             .* MiB fits", "",
        "plan for 1000 tokens with pariskv on vector, K and V in bf16:",
        "  weights                 2.1 MiB mapped", "  activations             .* MiB",
        "  K and V               768.0 KiB", "  summaries             .* KiB",
        "  retrieval scratch .* KiB", "  session .* KiB", "  total                   .* MiB",
        "  to allocate             .* MiB fits"), lines.subList(MACHINE.size(), lines.size()));
  }

  @Test
  void millionTokens_canBePlanned_andF32TakesTwice() {
    String bf16 = run("info", "--model", RECALL_MODEL, "--context", 1_000_000).succeeded().out();
    assertTrue(bf16.contains("K and V                 5.7 GiB"), bf16);
    String f32 = run("info", "--model", RECALL_MODEL, "--context", 1_000_000, "--kv-dtype", "f32")
        .succeeded().out();
    assertTrue(f32.contains("K and V                11.4 GiB"), f32);
  }

  @Test
  void planIsOfThePresetThatRunTakes() {
    String plan = run("info", "--model", RECALL_MODEL, "--context", 100_000).succeeded().out();
    assertTrue(plan.contains(summaries("sharp")), plan);
    assertFalse(plan.contains(summaries("paper")), plan);
  }

  private static String summaries(String preset) {
    return run("info", "--model", RECALL_MODEL, "--context", 100_000, "--preset", preset)
        .succeeded().out().lines().filter(line -> line.contains("  summaries ")).findFirst()
        .orElseThrow();
  }

  @Test
  void contextBeyondThePositions_isRefusedWithBothNumbers() {
    run("info", "--model", RECALL_MODEL, "--context", 2_000_000).refused(1, "--context 2000000",
        "1048576", "max_position_embeddings", "config.json");
  }

  @Test
  void tablesOnTheHost_areRefusedWhereTheyAreAnyway() {
    run("info", "--model", RECALL_MODEL, "--backend", "vector", "--method", "magicpig:released",
        "--tables", "host").refused(1, "--tables host", "--backend cuda", "leave it out");
  }

  @Test
  void nonsense_isWrongUsage() {
    run("info", "--context", 5).refused(2, "--context 5", "--model");
    run("info", "--model", RECALL_MODEL, "--context", 0).refused(2, "--context 0", "at least 1");
    run("info", "--model", RECALL_MODEL, "--kv-dtype", "f64").refused(2, "--kv-dtype", "f64");
    run("info", "--preset", "nope").refused(2, "--preset 'nope'");
  }
}
