package io.pariskv.app.cli;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static io.pariskv.app.Cli.fixture;
import static io.pariskv.app.Cli.recall;
import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.runWithInput;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.app.Cli.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code pariskv cache}, and what goes on from its files. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CacheCommandTest {
  private static final String ANSWER = " The secret number of the hidden canyon is 3350 .";

  @TempDir
  private static Path directory;
  private Path document;
  private Path saved;
  private String question;

  @BeforeAll
  void save() throws IOException {
    String text = recall("num-64").get("user").asString();
    int at = text.lastIndexOf(" Question");
    question = text.substring(at);
    document = Files.writeString(directory.resolve("document.txt"), text.substring(0, at));
    saved = directory.resolve("document.pkv");
    Outcome outcome = run("cache", "save", "--model", RECALL_MODEL, "--prompt-file", document,
        saved).succeeded();
    assertTrue(outcome.out().matches(
        "(?s).*document\\.pkv: \\d+ tokens, .* MiB; read in .* s .*, written in .* GB/s.*"),
        outcome.out());
  }

  @Test
  void question_isAnsweredFromTheDocument_whateverTheMethod() {
    for (String method : new String[]{"full", "pariskv"}) {
      JsonNode json = run("run", "--model", RECALL_MODEL, "--method", method, "--max-tokens", 20,
          "--cache", saved, "--prompt", question, "--json").succeeded().json();
      assertEquals(ANSWER, json.get("text").asString());
      int cached = json.get("cached_tokens").asInt();
      assertTrue(cached > 500 && json.get("prompt_tokens").asInt() - cached < 40, json::toString);
    }
  }

  @Test
  void chat_goesOnFromTheDocument_alsoAfterAReset() {
    Outcome outcome = runWithInput(question + "\n/reset\n" + question + "\n" + question + "\n",
        "chat", "--model", RECALL_MODEL, "--max-tokens", 20, "--cache", saved);
    assertEquals(0, outcome.code(), outcome::toString);
    assertTrue(outcome.out().startsWith(ANSWER + System.lineSeparator() + ANSWER), outcome.out());
  }

  @Test
  void load_saysWhatItTook_andInfoNeedsNoModel() {
    assertTrue(run("cache", "load", "--model", RECALL_MODEL, saved).succeeded().out()
        .contains("loaded in"));
    String info = run("cache", "info", saved).succeeded().out();
    for (String part : new String[]{"recall-12m", "rope_theta", "tokens", "bf16", "question"}) {
      assertTrue(info.contains(part), info);
    }
  }

  @Test
  void whatCannotBe_isRefused() throws IOException {
    run("cache").refused(2, "save, load and info");
    run("cache", "info", directory.resolve("none")).refused(1, "none", "no such file");
    run("cache", "load", "--model", RECALL_MODEL, document).refused(1, "is not a cache file");
    run("run", "--model", RECALL_MODEL, "--cache", saved, "--system", "x", "--prompt", "y")
        .refused(2, "--system", "--cache");
    run("cache", "load", "--model", fixture("qwen3-tied"), saved).refused(1, "another model",
        "recall-12m");
    Path raw = directory.resolve("raw.pkv");
    run("cache", "save", "--model", RECALL_MODEL, "--raw", "--prompt", "A timid otter", raw)
        .succeeded();
    run("run", "--model", RECALL_MODEL, "--cache", raw, "--prompt", "y").refused(1, "--raw");
    run("run", "--model", RECALL_MODEL, "--cache", raw, "--raw", "--prompt", " asked",
        "--max-tokens",
        3).succeeded();
    Path cut = Files.write(directory.resolve("cut.pkv"),
        Arrays.copyOf(Files.readAllBytes(saved), 10_000));
    run("run", "--model", RECALL_MODEL, "--cache", cut, "--prompt", "y").refused(1, "10000 bytes",
        "cut");
  }
}
