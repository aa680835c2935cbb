package io.pariskv.app.cli;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.app.Cli.Outcome;
import io.pariskv.app.ModelCopy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code pariskv eval}. */
class EvalCommandTest {
  @TempDir
  private Path directory;

  private Outcome eval(Object... flags) {
    return run(with(new Object[]{"eval", "recall-number", "--model", RECALL_MODEL, "--out",
        directory.resolve("out"), "--samples", 2, "--dense-below", 0}, flags));
  }

  @Test
  void oneCommand_givesSamplesAndAReport_andResumeAddsNothing() throws IOException {
    Object[] flags = {"--lengths", "400,500", "--k", "4,64", "--method", "full,pariskv"};
    Outcome outcome = eval(flags).succeeded();
    List<String> rows = outcome.out().lines().filter(row -> row.startsWith("recall-number"))
        .toList();
    assertEquals(6, rows.size(), outcome.out());
    assertTrue(
        rows.getFirst().matches("recall-number +400 +full +1\\.000 +0\\.342 to 1\\.000 "
            + "+[0-9.]+ +[0-9.]+ to [0-9.]+ +.*iB +.* 0/2 +0/2"),
        rows.getFirst());
    assertTrue(outcome.out().contains("not parsed  failed"), outcome.out());
    assertTrue(outcome.out().contains("pariskv k=64"), outcome.out());
    Path samples = directory.resolve("out/samples.jsonl");
    Path report = directory.resolve("out/report.html");
    byte[] before = Files.readAllBytes(samples);
    assertEquals(12, Files.readAllLines(samples).size());
    assertTrue(Files.readString(report).contains("pariskv k=4"));

    eval(flags).refused(1, "out", "--resume");
    eval(with(flags, "--resume")).succeeded();
    assertEquals(-1, Arrays.mismatch(before, Files.readAllBytes(samples)));
    eval(with(flags, "--resume", "--seed", 2)).refused(1, "seed", "\"1\"", "\"2\"");

    String page = Files.readString(report);
    Files.delete(report);
    run("eval", "report", directory.resolve("out")).succeeded();
    assertEquals(page, Files.readString(report));
  }

  @Test
  void everyMethod_isAsked_withEveryKThatItTakes() {
    List<String> methods = eval("--lengths", "400", "--k", "16,64", "--method",
        "full,pariskv,window,exact-topk,quest").succeeded().out().lines()
        .filter(row -> row.startsWith("recall-number"))
        .map(row -> row.replaceAll("recall-number +400 +(\\S+( k=\\d+)?) .*", "$1")).toList();
    assertEquals(List.of("full", "pariskv k=16", "pariskv k=64", "window", "exact-topk k=16",
        "exact-topk k=64", "quest k=16", "quest k=64"), methods);
    eval("--method", "full,window", "--k", "8").refused(2, "--k is", "full,window");
    eval("--method", "full/mean").refused(2, "full/mean", "leave the slash out");
    eval("--method", "pariskv/all").refused(2, "group 'all'", "per-head");
  }

  @Test
  void presetsOfAMethod_areComparedUnderTheirNames_inSeveralJobs() throws IOException {
    Outcome outcome = eval("--lengths", "400", "--jobs", 3, "--minutes", 60, "--k", "8,64",
        "--method", "full,pariskv,pariskv:sharp/per-head,quest,quest:released").succeeded();
    List<String> methods = outcome.out().lines()
        .filter(row -> row.startsWith("recall-number"))
        .map(row -> row.replaceAll("recall-number +400 +(\\S+( k=\\d+)?)[ :].*", "$1")).sorted()
        .toList();
    assertEquals(List.of("full", "pariskv k=64", "pariskv k=8", "pariskv:sharp/per-head k=64",
        "pariskv:sharp/per-head k=8", "quest k=64", "quest k=8", "quest:released"), methods);
    assertTrue(outcome.out().contains("quest k=8: k 8 must be at least 16"), outcome.out());
    assertEquals(15, Files.readAllLines(directory.resolve("out/samples.jsonl")).size());
  }

  /** A task without a score has its measure in the table. */
  @Test
  void perplexity_isInTheTable() throws IOException {
    Path text = Files.writeString(directory.resolve("text"),
        "The quiet acorn rested . ".repeat(80));
    List<String> rows = run("eval", "perplexity", "--model", RECALL_MODEL, "--data", text, "--out",
        directory.resolve("out"), "--lengths", 100, "--new-tokens", 20, "--samples", 2, "--method",
        "full,window").succeeded().out().lines().filter(row -> row.startsWith("perplexity"))
        .toList();
    assertEquals(2, rows.size());
    for (String row : rows) {
      assertTrue(row.matches(".* 0/2  nll \\d+\\.\\d{3}, -?\\d+\\.\\d{3} to \\d+\\.\\d{3}.*"), row);
      assertTrue(row.matches(".*  perplexity \\d+\\.\\d{3}, \\d+\\.\\d{3} to \\d+\\.\\d{3}.*"),
          row);
      assertEquals(row.contains(" window "), row.contains("  nll_over_full "), row);
    }
  }

  /** As from a copy whose weights were damaged or trained on, a text that was corrected, or another protocol. */
  @Test
  void anotherModelDataOrProtocol_isNotTakenForTheSame() throws IOException {
    Path copy = ModelCopy.of(RECALL_MODEL, directory.resolve("recall-12m"))
        .bytes("model-00002-of-00002.safetensors", bytes -> {
          Arrays.fill(bytes, bytes.length - 200_000, bytes.length, (byte) 0);
          return bytes;
        }).directory();
    Path text = Files.writeString(directory.resolve("text"), " The acorn rested .".repeat(80));
    Object[] flags = {"eval", "perplexity,recall-number", "--data", text, "--out",
        directory.resolve("out"), "--lengths", 200, "--new-tokens", 20, "--samples", 1, "--method",
        "full", "--resume", "--model"};
    run(with(flags, RECALL_MODEL)).succeeded();
    run(with(flags, copy)).refused(1, "model_sha256 is", "another --out");
    run(with(flags, RECALL_MODEL, "--question", "prefilled")).refused(1,
        "question is \"fed\", now it is \"prefilled\"");
    Files.writeString(text, " The otter rested .".repeat(80));
    run(with(flags, RECALL_MODEL)).refused(1, "data_sha256 is", "another --out");
  }

  @Test
  void runThatIsEndedAtOnce_saysWhatIsLeft() {
    Outcome outcome = eval("--lengths", "400", "--minutes", 1e-9);
    assertEquals(1, outcome.code());
    assertTrue(outcome.out().contains("2 samples before the end; --resume goes on"),
        outcome.out());
  }

  @Test
  void lengthsThatNothingFits_areAnErrorWithTheReasonInTheTable() {
    Outcome outcome = eval("--lengths", "20", "--method", "full,pariskv");
    assertEquals(1, outcome.code());
    assertTrue(outcome.out().contains("recall-number 20 full: recall-number needs at least"),
        outcome.out());
  }

  @Test
  void nonsense_isWrongUsage() {
    run("eval").refused(2, "give a task");
    run("eval", "recall-tasks").refused(2, "--model");
    run("eval", "nope", "--model", "x").refused(2, "task 'nope'", "recall-tasks");
    run("eval", "perplexity", "--model", "x").refused(2, "--data");
    eval("--lengths", "0").refused(2, "--lengths 0");
    run("eval", "recall-list", "--model", "x", "--samples", 0).refused(2, "--samples 0");
    eval("--jobs", "0").refused(2, "--jobs 0");
    eval("--minutes", "0").refused(2, "--minutes 0");
    eval("--method", "nope").refused(2, "method 'nope'");
    eval("--k", "0").refused(2, "--k 0");
    eval("--every", "0").refused(2, "--every 0");
    eval("--question", "both").refused(2, "question 'both'", "fed or prefilled");
    run("eval", "aime", "--model", "x", "--question", "fed").refused(2, "question fed", "aime");
    run("eval", "recall-tasks", "--model", directory.resolve("none")).refused(1, "none",
        "config.json");
    run("eval", "report", directory.resolve("none")).refused(1, "none");
  }
}
