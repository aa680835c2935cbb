package io.pariskv.app.cli;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static io.pariskv.app.Cli.fixture;
import static io.pariskv.app.Cli.recall;
import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.runWithInput;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.app.Cli.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code pariskv chat}, a conversation over standard input. */
class ChatCommandTest {
  private static final String DOCUMENT = recall("num-64").get("user").asString();
  private static final String ANSWER = " The secret number of the hidden canyon is 3350 .";
  private static final String SECOND = "Question : What is the secret number of the windy school ?";
  private static final String SECOND_ANSWER = " The secret number of the windy school is 1313 .";

  private static final Pattern REPORT = Pattern.compile("\\[prefilled (\\d+) of (\\d+) tokens");

  /** What a turn had to compute, of how many tokens. */
  private record Prefill(int computed, int total) {
    static List<Prefill> of(Outcome outcome) {
      return REPORT.matcher(outcome.err()).results().map(Prefill::of).toList();
    }

    private static Prefill of(MatchResult match) {
      return new Prefill(Integer.parseInt(match.group(1)), Integer.parseInt(match.group(2)));
    }
  }

  private static Outcome chat(String input, Object... more) {
    return runWithInput(input,
        with(new Object[]{"chat", "--model", RECALL_MODEL, "--max-tokens", 20}, more));
  }

  private static List<String> answers(Outcome outcome) {
    assertEquals(0, outcome.code(), outcome::toString);
    return outcome.out().lines().toList();
  }

  @Test
  void secondTurn_prefillsOnlyWhatIsNew() {
    Outcome outcome = chat(DOCUMENT + "\n\n" + SECOND + "\n");
    assertEquals(List.of(ANSWER, SECOND_ANSWER), answers(outcome));
    List<Prefill> prefills = Prefill.of(outcome);
    assertEquals(2, prefills.size(), "a blank line is no turn");
    assertEquals(prefills.getFirst().total, prefills.getFirst().computed);
    assertTrue(prefills.getLast().computed < 60, outcome.err());
    assertTrue(prefills.getLast().total > prefills.getFirst().total, outcome.err());
  }

  @Test
  void reset_startsOver_andExitEnds() {
    Outcome outcome = chat(DOCUMENT + "\n/reset\n" + SECOND + "\n/exit\n" + SECOND + "\n");
    assertEquals(2, answers(outcome).size());
    assertTrue(Prefill.of(outcome).getLast().total < 60, "the document is forgotten: " + outcome);
  }

  @Test
  void file_isSentAsATurn(@TempDir Path directory) throws IOException {
    Path file = Files.writeString(directory.resolve("a document.txt"), DOCUMENT + "\n");
    assertEquals(List.of(ANSWER), answers(chat("/file " + file + "\n")));
  }

  @Test
  void refusedTurn_leavesTheConversationAlive(@TempDir Path directory) throws IOException {
    Path binary = Files.write(directory.resolve("x.bin"), new byte[]{(byte) 0xFF, 'a'});
    Outcome outcome = chat(DOCUMENT + "\n/file " + directory.resolve("missing") + "\n/file "
        + binary + "\n/file " + directory + "\n/file a\0b\n/rest\n" + SECOND + "\n");
    assertEquals(List.of(ANSWER, SECOND_ANSWER), answers(outcome));
    List<String> errors = outcome.err().lines().filter(line -> line.startsWith("pariskv: "))
        .toList();
    assertEquals(List.of(
        "pariskv: " + directory.resolve("missing") + ": no such file; check the path",
        "pariskv: " + binary + ": is not UTF-8 text; convert it to UTF-8",
        "pariskv: " + directory + ": is a directory, expected a text file",
        "pariskv: a?b: is no file's name (Nul character not allowed); check the path",
        "pariskv: no command '/rest'; give one of /file PATH, /reset, /exit"), errors);
    assertTrue(Prefill.of(outcome).getLast().computed < 60, "the cache was kept: " + outcome);
  }

  @Test
  void cutAnswer_isMarked_andSystemIsSent() {
    Object[] args = {"chat", "--model", RECALL_MODEL, "--max-tokens", 2};
    Outcome without = runWithInput("hello\n", args);
    Outcome with = runWithInput("hello\n", with(args, "--system", "Be brief ."));
    assertTrue(answers(with).getFirst().endsWith("[cut at --max-tokens]"), with.out());
    assertTrue(Prefill.of(with).getFirst().total > Prefill.of(without).getFirst().total);
  }

  @Test
  void endOfInput_ends() {
    assertEquals("", chat("").succeeded().out());
  }

  @Test
  void inputThatIsNotUtf8_isRefused() {
    runWithInput(new byte[]{'h', 'i', (byte) 0xC3, '\n'}, "chat", "--model", RECALL_MODEL)
        .refused(1, "standard input", "not UTF-8");
  }

  @Test
  void modelWithoutTemplate_isRefusedBeforeTheFirstTurn() {
    run("chat", "--model", fixture("qwen3-tied")).refused(1, "chat template");
  }
}
