package io.pariskv.app;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.runWithInput;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.app.Cli.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Flags and prompts that cannot be used: refused before a model is loaded. */
class BadFlagsTest {
  /** The model is not there: what is refused is the flag. */
  private static final Object[] RUN = {"run", "--model", "no-such-model", "--prompt", "hi"};

  /** Holds wrong usage to its rules, and looks for the stack trace with {@code --debug}. */
  private static String assertUsage(Object[] args, String... parts) {
    String line = run(args).refused(2, parts);
    assertTrue(line.endsWith(" --help'"), line);
    Outcome traced = run(with(args, "--debug"));
    assertEquals(2, traced.code());
    assertEquals("", traced.out());
    assertEquals(line, traced.err().lines().findFirst().orElseThrow());
    assertTrue(traced.err().contains("\tat "), traced::err);
    return line;
  }

  @ParameterizedTest
  @CsvSource(textBlock = """
      --k, 0, at least 1
      --k, -3, at least 1
      --k, x, not an int
      --k, '8,16', give one number
      --sink, -1, at least 0
      --local, 0, at least 1
      --update-interval, 0, at least 1
      --dense-below, -1, at least 0
      --candidate-ratio, 0, above 0 and at most 1
      --candidate-ratio, 2, above 0 and at most 1
      --candidate-ratio, NaN, above 0 and at most 1
      --collision-ratio, -0.5, above 0 and at most 1
      --adaptive, 0, above 0 and at most 1
      --adaptive, 1.5, above 0 and at most 1
      --method, nope, 'choose one of full, pariskv'
      --preset, nope, 'choose one of paper, sharp, ruler, gpqa, throughput'
      --group, nope, 'choose one of mean, per-head'
      --backend, nope, 'choose one of auto, cuda, vector, scalar'
      --kv-dtype, f64, 'BF16, F32'
      --prefill-chunk, 0, at least 1
      --context, 0, at least 1
      --offload, sometimes, 'AUTO, ON, OFF'
      --prefill-chunk, 100000, from 1 to 65536
      --max-tokens, -1, at least 1
      --max-tokens, 0, at least 1
      --max-tokens, 99999999999, not an int
      --temperature, -1, at least 0
      --temperature, NaN, at least 0
      --temperature, Infinity, at least 0
      --top-p, 2, above 0 and at most 1
      --top-p, 0, above 0 and at most 1
      --top-k, -1, at least 0
      --min-p, 1.5, from 0 to 1
      --repetition-penalty, 0, above 0
      --seed, 1.5, not a long
      """)
  void valueOutOfRange(String flag, String value, String range) {
    String line = assertUsage(with(RUN, flag, value), flag, value.replaceAll("\\..*", ""), range,
        "'pariskv run --help'");
    assertTrue(line.startsWith("pariskv: " + flag) || line.contains("'" + flag + "'"), line);
    run("chat", "--model", "no-such-model", flag, value).refused(2, flag, range,
        "'pariskv chat --help'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--k 0", "--preset nope", "--candidate-ratio 7"})
  void settingsThatTheMethodDoesNotHave_areRefusedToo(String flags) {
    assertUsage(with(with(RUN, "--method", "full"), (Object[]) flags.split(" ")),
        flags.split(" ")[0]);
  }

  @ParameterizedTest
  @CsvSource(textBlock = """
      full, --k 5, which has none
      window, --k 5, 'has --sink, --local, --update-interval, --dense-below;'
      window, --group mean, method window
      exact-topk, --preset paper, method exact-topk
      exact-topk, --preset released, 'has no release; leave --preset out, or give matched'
      full, --preset matched, which has none
      exact-topk, --group all, 'choose one of mean, per-head'
      quest, --candidate-ratio 0.5, method quest
      exact-topk, --adaptive 0.85, method exact-topk
      quest, --preset paper, 'choose one of released, matched'
      quest, --preset released --sink 4, 'released, whose recent tokens are the last page'
      quest, --page-size 24, power of two from 1 to 1024
      quest, --k 8, 'at least 16, a page of 16 tokens'
      pariskv, --page-size 16, method pariskv
      quest, --pq-bits 6, method quest
      pqcache, --page-size 16, method pqcache
      pqcache, --preset paper, 'choose one of released, matched'
      pqcache, --preset released --k 5, 'give --preset matched'
      pqcache, --compress-ratio 0.2, 'give --preset released'
      pqcache, --pq-bits 9, from 1 to 8
      pqcache, --lsh-bits 9, method pqcache
      magicpig, --group mean, method magicpig
      magicpig, --preset paper, 'choose one of released, matched'
      magicpig, --preset released --k 5, 'give --preset matched'
      magicpig, --lsh-tables 40 --k 5, '--lsh-tables both say how many'
      magicpig, --index-generated off --update-interval 5, 'give --index-generated on'
      magicpig, --index-generated maybe, 'ON, OFF'
      magicpig, --lsh-bits 17, from 1 to 16
      magicpig, --lsh-tables 1, from 2 to 1024
      magicpig, --tables cpu, 'DEVICE, HOST'
      magicpig, '--tables device,host', 'has 2 values; give one'
      quest, --tables host, '--tables is not a setting of method quest'
      """)
  void settingsOfOneMethod_areRefusedForAnother(String method, String flags, String reason) {
    String[] words = flags.split(" ");
    assertUsage(with(with(RUN, "--method", method), (Object[]) words), words[words.length - 2],
        reason);
  }

  @ParameterizedTest
  @CsvSource(textBlock = """
      quest:released --k 64, '--k is not a setting of method quest:released, which has none'
      pqcache:released --sink 4, which has none
      magicpig:released --k 4, 'magicpig:released, which has --tables;'
      quest:matched --k 8, 'method quest:matched: k 8 must be at least 16'
      exact-topk:released, 'leave the colon out, or give exact-topk:matched'
      exact-topk:sharp, 'exact-topk has no presets; leave the colon out'
      full:released, full has no presets
      pariskv:nope, 'method pariskv:nope: preset ''nope'' is not known; choose one of paper'
      nope:released, method 'nope' is not known
      """)
  void presetBehindAColon_isCheckedAsAFlagIs(String flags, String reason) {
    assertUsage(with(with(RUN, "--method"), (Object[]) flags.split(" ")), reason);
  }

  /** Each setting is one of some of the methods. */
  @Test
  void severalMethods_shareSettings() {
    run("compare", "--method", "window,exact-topk", "--preset", "released").refused(2,
        "preset 'released'", "has no release; leave --preset out, or give matched");
    run("bench", "decode", "--method", "full,window", "--page-size", "16").refused(2,
        "--page-size is not a setting of method full,window", "has --sink");
    run("bench", "decode", "--method", "full,exact-topk,quest,pqcache,magicpig,window,pariskv",
        "--k", "32",
        "--page-size", "8", "--context", "2500", "--kv-heads", "1", "--heads", "2", "--head-dim",
        "16", "--steps", "1", "--json").succeeded();
  }

  @Test
  void unknownFlagsAndArguments() {
    assertUsage(with(RUN, "--nope"), "unknown option '--nope'");
    assertUsage(with(RUN, "--metod", "full"), "unknown option '--metod'", "--method");
    assertUsage(with(RUN, "there"), "unexpected argument 'there'");
    assertUsage(new Object[]{"nope"}, "no command 'nope'",
        "demo, run, chat, logits, info, bench, compare, eval, serve");
    assertUsage(new Object[]{"--nope"}, "unknown option '--nope'", "'pariskv --help'");
    assertUsage(new Object[]{}, "give a command", "'pariskv --help'");
    assertUsage(new Object[]{"run"}, "--model");
    run("run", "--model").refused(2, "--model", "missing required parameter");
    assertUsage(new Object[]{"logits", "--model", "x"}, "--ids-file");
    assertUsage(with(RUN, "--nope\nnext line \u001b[31m"), "--nope");
  }

  @Test
  void flagsThatContradictEachOther() {
    assertUsage(with(RUN, "--ids", "1"), "--prompt", "--ids", "only one");
    assertUsage(with(RUN, "--prompt-file", "x"), "--prompt-file", "only one");
    assertUsage(with(RUN, "--prompt", "again"), "--prompt", "only once");
    assertUsage(with(RUN, "--raw", "--system", "x"), "--system", "--raw");
    assertUsage(with(RUN, "--preset", "sharp", "--collision-ratio", "0.2"), "--collision-ratio",
        "sharp", "leave it out");
    assertUsage(with(RUN, "--collision-ratio", "0.2"), "preset sharp"); // the default
    assertUsage(new Object[]{"run", "--model", "x", "--ids", "1", "--system", "x"}, "--system",
        "--ids");
  }

  @Test
  void emptyTexts() {
    assertUsage(new Object[]{"run", "--model", "x", "--prompt", ""}, "--prompt", "empty");
    assertUsage(with(RUN, "--stop", ""), "--stop", "empty");
    assertUsage(new Object[]{"run", "--model", "x", "--ids", ""}, "--ids", "entry 1 of 1");
    assertUsage(new Object[]{"run", "--model", "x", "--ids", "1,2,"}, "--ids", "entry 3 of 3");
    assertUsage(new Object[]{"run", "--model", "x", "--ids", "1 2"}, "--ids", "'1 2'");
    assertUsage(new Object[]{"run", "--model", "x", "--ids", "99999999999"}, "--ids");
    runWithInput("", "run", "--model", RECALL_MODEL, "--json").refused(1, "standard input",
        "empty");
  }

  @Test
  void promptsThatCannotBeRead(@TempDir Path directory) throws IOException {
    Path empty = Files.createFile(directory.resolve("empty.txt"));
    Path binary = Files.write(directory.resolve("x.bin"), new byte[]{'a', (byte) 0xFF, 'b'});
    assertFileRefused(empty, "empty.txt", "empty");
    assertFileRefused(binary, "x.bin", "not UTF-8");
    assertFileRefused(directory, "is a directory");
    assertFileRefused(directory.resolve("missing"), "missing", "no such file");
    runWithInput(new byte[]{(byte) 0xC0, 'b'}, "run", "--model", RECALL_MODEL).refused(1,
        "standard input", "not UTF-8");
  }

  private static void assertFileRefused(Path file, String... parts) {
    String line = run("run", "--model", RECALL_MODEL, "--json", "--prompt-file", file).refused(1,
        parts);
    assertTrue(line.contains(";") || line.contains("expected"), line);
  }

  @Test
  void help_isPrintedForEveryCommand() {
    for (String command : new String[]{"", "run", "chat", "logits", "info", "bench",
        "bench attention", "bench decode", "bench linear", "bench model", "demo", "eval",
        "eval report"}) {
      Object[] args = command.isEmpty() ? new Object[0] : command.split(" ");
      Outcome outcome = run(with(args, "--help")).succeeded();
      assertTrue(outcome.out().startsWith("Usage: pariskv"), outcome::out);
    }
    assertTrue(run("--version").succeeded().out().startsWith("pariskv "));
  }
}
