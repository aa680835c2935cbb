package io.pariskv.app.cli;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static io.pariskv.app.Cli.fixture;
import static io.pariskv.app.Cli.recall;
import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.runWithInput;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.app.Cli.Outcome;
import io.pariskv.backend.Backends;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** {@code pariskv run}. */
class RunCommandTest {
  /** A document with a question that the bundled model answers right. */
  private static final JsonNode RECALL = recall("num-64");
  private static final String QUESTION = RECALL.get("user").asString();
  private static final String SHORT = " Question : What is the secret number of the amber acorn ?";
  private static final String ANSWER = " The secret number of the hidden canyon is 3350 .";

  private static Outcome ask(Object... more) {
    return run(with(new Object[]{"run", "--model", RECALL_MODEL, "--max-tokens", 20}, more));
  }

  private static List<Integer> ids(JsonNode json) {
    JsonNode ids = json.get("token_ids");
    return IntStream.range(0, ids.size()).map(i -> ids.get(i).asInt()).boxed().toList();
  }

  @Test
  void prompt_isAnsweredOnOneLine() {
    Outcome outcome = ask("--prompt", QUESTION).succeeded();
    assertEquals(ANSWER + System.lineSeparator(), outcome.out());
  }

  @Test
  void prompt_fromFileOrStandardInput_isTheSamePrompt(@TempDir Path directory) throws IOException {
    Path file = Files.writeString(directory.resolve("prompt.txt"), QUESTION);
    assertEquals(ANSWER, ask("--prompt-file", file).succeeded().out().stripTrailing());
    assertEquals(ANSWER, runWithInput(QUESTION, "run", "--model", RECALL_MODEL, "--max-tokens", 20)
        .succeeded().out().stripTrailing());
  }

  @ParameterizedTest
  @ValueSource(strings = {"full", "pariskv"})
  void json_isOneObjectOnTheOnlyLine(String method) {
    Outcome outcome = ask("--prompt", QUESTION, "--json", "--method", method).succeeded();
    assertEquals(1, outcome.out().lines().count());
    JsonNode json = outcome.json();
    assertEquals("recall-12m", json.get("model").asString());
    assertTrue(List.of("vector", "scalar").contains(json.get("backend").asString()));
    assertEquals(method, json.get("method").asString());
    assertEquals(ANSWER, json.get("text").asString());
    assertEquals("stop", json.get("finish_reason").asString());
    assertEquals(json.get("completion_tokens").asInt(), json.get("token_ids").size());
    assertEquals(2343, ids(json).getLast(), "<|im_end|> is among the tokens, not in the text");
    assertEquals(RECALL.get("prompt_tokens").asInt(), json.get("prompt_tokens").asInt());
    assertTrue(json.get("prefill_seconds").asDouble() > 0, json::toString);
    assertTrue(json.get("decode_seconds").asDouble() > 0, json::toString);
    assertTrue(json.get("attended_tokens_mean").asDouble() > json.get("prompt_tokens").asInt(),
        json::toString);
    assertTrue(json.get("row_cache_hit_rate").isNull(), "nothing comes over a bus");
    assertTrue(json.get("fetched_bytes_per_token").isNull(), json::toString);
  }

  @Test
  void everySettingOfTheMethod_isHeard() {
    JsonNode json = ask("--prompt", QUESTION, "--json",
        "--preset", "gpqa", "--sink", 8, "--local", 16, "--k", 24, "--update-interval", 4,
        "--dense-below", 0, "--candidate-ratio", 0.5, "--collision-ratio", 0.4).succeeded().json();
    double attended = json.get("attended_tokens_mean").asDouble();
    assertTrue(attended >= 8 + 16 + 24 && attended < 8 + 16 + 24 + 4 + 1,
        "sink 8, local 16, k 24 and up to 4 in the update buffer: " + attended);
  }

  @Test
  void adaptive_saysHowManyWereAttended_notHowManyMayBe() {
    JsonNode json = ask("--prompt", QUESTION, "--json", "--sink", 8, "--local", 16, "--k", 24,
        "--update-interval", 4, "--dense-below", 0, "--adaptive", 1e-6).succeeded().json();
    double attended = json.get("attended_tokens_mean").asDouble();
    assertTrue(attended >= 8 + 16 + 1 && attended < 8 + 16 + 1 + 4 + 1,
        "next to no share takes one key: " + attended);
  }

  @Test
  void raw_givesThePromptAsItIs() {
    JsonNode raw = ask("--prompt", SHORT, "--json", "--raw").succeeded().json();
    JsonNode chat = ask("--prompt", SHORT, "--json").succeeded().json();
    assertTrue(raw.get("prompt_tokens").asInt() < chat.get("prompt_tokens").asInt());
    JsonNode special = ask("--prompt", "<|im_end|>", "--json", "--raw").succeeded().json();
    assertEquals(1, special.get("prompt_tokens").asInt(), "--raw reads special tokens");
  }

  @Test
  void ids_ofAModelWithoutTokenizer_giveIds() {
    Object[] args = {"run", "--model", fixture("qwen3-tied"), "--ids", "1, 2,3", "--max-tokens", 4};
    Outcome plain = run(args).succeeded();
    JsonNode json = run(with(args, "--json")).succeeded().json();
    assertEquals(ids(json).toString(), plain.out().strip());
    assertEquals(4, ids(json).size());
    assertEquals("", json.get("text").asString());
    assertEquals("length", json.get("finish_reason").asString());
    assertEquals(3, json.get("prompt_tokens").asInt());
  }

  @Test
  void system_isPartOfThePrompt() {
    JsonNode without = ask("--prompt", SHORT, "--json").succeeded().json();
    JsonNode with = ask("--prompt", SHORT, "--json", "--system", "Be brief .").succeeded()
        .json();
    assertTrue(with.get("prompt_tokens").asInt() > without.get("prompt_tokens").asInt());
  }

  @Test
  void stop_acrossTokens_cutsStreamedTextAsItCutsJson() {
    Object[] args = {"--prompt", QUESTION, "--stop", "nowhere", "--stop", "yon is 33"};
    JsonNode json = ask(with(args, "--json")).succeeded().json();
    assertEquals(" The secret number of the hidden can", json.get("text").asString());
    assertEquals("stop", json.get("finish_reason").asString());
    assertEquals(json.get("text").asString() + System.lineSeparator(),
        ask(args).succeeded().out());
  }

  @Test
  void maxTokens_endWithReasonLength() {
    JsonNode json = run("run", "--model", RECALL_MODEL, "--prompt", SHORT, "--json",
        "--max-tokens", 3).succeeded().json();
    assertEquals("length", json.get("finish_reason").asString());
    assertEquals(" The secret number", json.get("text").asString());
  }

  @Test
  void jsonSchema_isWhatTheAnswerIsOf(@TempDir Path directory) throws IOException {
    Path schema = Files.writeString(directory.resolve("schema.json"),
        "{\"type\": \"integer\", \"minimum\": 100, \"maximum\": 200}");
    Object[] args = {"--prompt", QUESTION, "--json-schema", schema};
    int number = Integer.parseInt(ask(args).succeeded().out().strip());
    assertTrue(100 <= number && number <= 200, String.valueOf(number));
    ask(with(args, "--ignore-eos")).refused(2, "--ignore-eos", "--json-schema");
    Files.writeString(schema, "{\"type\": \"string\", \"pattern\": \"a\"}");
    ask(args).refused(1, "pattern");
    Files.writeString(schema, "{");
    ask(args).refused(1, "schema.json", "JSON");
    ask("--prompt", QUESTION, "--json-schema", directory.resolve("missing")).refused(1, "missing");
  }

  @Test
  void seed_decidesWhatIsSampled() {
    Object[] args = {"--prompt", SHORT, "--json", "--temperature", 5, "--top-k", 50, "--top-p",
        0.95, "--min-p", 0.0001, "--repetition-penalty", 1.1, "--ignore-eos"};
    List<Integer> first = ids(ask(with(args, "--seed", 7)).succeeded().json());
    assertEquals(first, ids(ask(with(args, "--seed", 7)).succeeded().json()));
    assertNotEquals(first, ids(ask(with(args, "--seed", 8)).succeeded().json()));
    assertEquals(20, first.size(), "--ignore-eos goes on to the limit");
  }

  @Test
  void streamedText_isTheTextOfJson() {
    Object[] args = {"--prompt", SHORT, "--temperature", 9, "--seed", 3, "--ignore-eos"};
    assertEquals(ask(with(args, "--json")).succeeded().json().get("text").asString(),
        ask(args).succeeded().out().replaceFirst(System.lineSeparator() + "$", ""));
  }

  @Test
  void carriageReturnsAndEmoji_reachTheModelAsTheyAre() {
    String text = "a\r\nb \uD83D\uDE00 \u65E5\u672C\n";
    JsonNode file = runWithInput(text, "run", "--model", RECALL_MODEL, "--raw", "--json",
        "--max-tokens", 1).succeeded().json();
    JsonNode flag = ask("--raw", "--json", "--prompt", text).succeeded().json();
    assertEquals(flag.get("prompt_tokens").asInt(), file.get("prompt_tokens").asInt());
    assertEquals(ids(flag).getFirst(), ids(file).getFirst());
    JsonNode withoutReturn = ask("--raw", "--json", "--prompt", text.replace("\r", "")).succeeded()
        .json();
    assertEquals(flag.get("prompt_tokens").asInt() - 1, withoutReturn.get("prompt_tokens").asInt(),
        "the carriage return is a token of its own");
  }

  @Test
  void backends_giveTheSameAnswer() {
    List<String> answers = Backends.candidates().stream()
        .filter(candidate -> candidate.unusable() == null).map(Backends.Candidate::name)
        .map(backend -> {
          JsonNode json = ask("--prompt", SHORT, "--json", "--backend", backend, "--kv-dtype",
              "f32",
              "--prefill-chunk", 7).succeeded().json();
          assertEquals(backend, json.get("backend").asString());
          return json.get("text").asString();
        }).toList();
    assertEquals(1, Set.copyOf(answers).size(), answers::toString);
  }
}
