package io.pariskv.app;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static io.pariskv.app.Cli.fixture;
import static io.pariskv.app.Cli.run;
import static io.pariskv.app.Cli.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.app.Cli.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

/** Model directories that cannot be used: one line with the file, the numbers and the way out. */
class BadModelTest {
  private static final String WEIGHTS = "model.safetensors";
  private static final String TENSOR = "model.layers.1.mlp.up_proj.weight";

  @TempDir
  private Path temporary;
  private ModelCopy model;

  @BeforeEach
  void copy() {
    model = ModelCopy.of(fixture("qwen3-tied"), temporary.resolve("tiny"));
  }

  /** Runs the damaged model, and once more for the stack trace. */
  private void assertRefused(String... parts) {
    assertRefused(new Object[]{"--ids", "1,2,3", "--max-tokens", 2}, parts);
  }

  private void assertRefused(Object[] prompt, String... parts) {
    Object[] args = with(new Object[]{"run", "--json", "--model", model.directory()}, prompt);
    String line = run(args).refused(1, parts);
    assertTrue(line.contains(";"), () -> "no way out in: " + line);
    Outcome traced = run(with(args, "--debug"));
    assertEquals(1, traced.code());
    assertEquals("", traced.out());
    assertEquals(withoutFreeMemory(line),
        withoutFreeMemory(traced.err().lines().findFirst().orElseThrow()));
    assertTrue(traced.err().contains("\tat io.pariskv."), traced::err);
  }

  /** What other programs leave free changes between two runs. */
  private static String withoutFreeMemory(String line) {
    return line.replaceAll("[0-9.]+ [KMGT]iB available", "N available")
        .replaceAll("[0-9]+ tokens fit", "N tokens fit");
  }

  @Test
  void undamaged_isAccepted() {
    run("run", "--model", model.directory(), "--ids", "1,2,3", "--max-tokens", 2).succeeded();
  }

  @Test
  void missingDirectory() {
    model = new ModelCopy(temporary.resolve("none"));
    assertRefused("none", "no such directory");
    model = new ModelCopy(fixture("qwen3-tied").resolve("config.json"));
    assertRefused("config.json", "not a directory");
  }

  @ParameterizedTest
  @ValueSource(strings = {"config.json", WEIGHTS})
  void missingFile(String name) {
    model.without(name);
    assertRefused(name);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 5, 100, 100_000})
  void truncatedWeights(int bytes) {
    model.bytes(WEIGHTS, all -> Arrays.copyOf(all, bytes));
    assertRefused(WEIGHTS, String.valueOf(bytes < 8 ? bytes : "incomplete"));
  }

  @Test
  void missingAndTruncatedShard() {
    model = ModelCopy.of(RECALL_MODEL, temporary.resolve("recall"));
    String shard = "model-00002-of-00002.safetensors";
    model.bytes(shard, all -> Arrays.copyOf(all, all.length - 1));
    assertRefused(new Object[]{"--prompt", "hi"}, shard, "incomplete");
    model.without(shard);
    assertRefused(new Object[]{"--prompt", "hi"}, shard, "missing", "index.json");
  }

  @Test
  void overlappingAndOutOfRangeOffsets() {
    model.header(WEIGHTS, header -> {
      List<Long> at = ModelCopy.offsets(header, TENSOR);
      ModelCopy.setOffsets(header, TENSOR, at.getFirst() - 8, at.getLast() - 8);
    });
    assertRefused(WEIGHTS, TENSOR, "overlaps");
    model.header(WEIGHTS, header -> {
      List<Long> at = ModelCopy.offsets(header, TENSOR);
      ModelCopy.setOffsets(header, TENSOR, at.getFirst() + 100_000_000,
          at.getLast() + 100_000_000);
    });
    assertRefused(WEIGHTS, TENSOR, "ends at byte 1");
    model.header(WEIGHTS, header -> ModelCopy.setOffsets(header, TENSOR, 16, 8));
    assertRefused(WEIGHTS, TENSOR, "16", "8");
  }

  @Test
  void unsupportedElementTypes() {
    model.header(WEIGHTS, header -> ((ObjectNode) header.get(TENSOR)).put("dtype", "X9"));
    assertRefused(WEIGHTS, TENSOR, "\"X9\"", "BF16");
    model.header(WEIGHTS, header -> ((ObjectNode) header.get(TENSOR)).put("dtype", "I16"));
    assertRefused(WEIGHTS, TENSOR, "I16", "BF16");
  }

  @Test
  void unsupportedArchitecture() {
    model.json("config.json", config -> config.putArray("architectures").add("GPT2LMHeadModel"));
    assertRefused("config.json", "GPT2LMHeadModel", "LlamaForCausalLM");
  }

  @Test
  void configThatDisagreesWithTheTensors() {
    model.json("config.json", config -> config.put("intermediate_size", 200));
    assertRefused(WEIGHTS, "mlp.gate_proj.weight", "192", "intermediate_size = 200");
    model.json("config.json",
        config -> config.put("intermediate_size", 192).put("vocab_size", 385));
    assertRefused(WEIGHTS, "embed_tokens", "384", "vocab_size = 385");
    model.json("config.json", config -> config.put("vocab_size", 384).put("num_hidden_layers", 4)
        .remove("layer_types"));
    assertRefused("model.layers.3.", "missing");
    model.json("config.json", config -> config.put("num_hidden_layers", 2));
    assertRefused("model.layers.2.", "num_hidden_layers is 2");
  }

  @Test
  void configThatIsNonsense() {
    model.json("config.json", config -> config.put("num_attention_heads", -4));
    assertRefused("config.json", "num_attention_heads", "-4");
    model.text("config.json", "{\"architectures\": [\"Qwen3ForCausalLM\"], ");
    assertRefused("config.json", "line 1", "JSON");
    model.text("config.json", "[1]");
    assertRefused("config.json", "JSON object");
  }

  @Test
  void generationConfigThatIsNonsense() {
    model.text("generation_config.json", "{\"do_sample\": true, \"top_p\": 7}");
    assertRefused("generation_config.json", "top_p", "7");
    model.text("generation_config.json", "{\"do_sample\": true, \"top_p\": 0}");
    assertRefused("generation_config.json", "top_p", "0");
  }

  @Test
  void tokenizerLargerThanTheVocabulary() throws Exception {
    Files.copy(RECALL_MODEL.resolve("tokenizer.json"), model.file("tokenizer.json"));
    assertRefused("tokenizer.json", "2345", "vocab_size", "384", "same model");
  }

  @Test
  void tokenizerThatIsBroken() {
    model.text("tokenizer.json", "{\"model\": {\"type\": \"WordPiece\"}}");
    assertRefused("tokenizer.json", "WordPiece", "BPE");
    model.text("tokenizer.json", "{");
    assertRefused("tokenizer.json", "JSON");
  }

  @Test
  void modelWithoutTokenizerOrTemplate() {
    assertRefused(new Object[]{"--prompt", "hi", "--raw"}, "tokenizer.json", "--ids");
    assertRefused(new Object[]{"--prompt", "hi"}, "chat template", "--raw");
  }

  @Test
  void templateThatRaisesOrLoopsOrIsBroken() {
    model = ModelCopy.of(RECALL_MODEL, temporary.resolve("recall"));
    Object[] prompt = {"--prompt", "hi"};
    template("{{ raise_exception('only users\nmay speak') }}");
    assertRefused(prompt, "tokenizer_config.json chat_template", "only users may speak");
    template("{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}");
    assertRefused(prompt, "tokenizer_config.json chat_template");
    template("{% for m in messages %}");
    assertRefused(prompt, "tokenizer_config.json chat_template", "line 1");
    template("{{ messages[7].content.nope() }}");
    assertRefused(prompt, "tokenizer_config.json chat_template", "line 1");
    model.json("tokenizer_config.json", config -> config.put("chat_template", 5));
    assertRefused(prompt, "tokenizer_config.json", "chat_template", "5");
  }

  private void template(String source) {
    model.json("tokenizer_config.json", config -> config.put("chat_template", source));
  }

  @Test
  void promptLongerThanThePositions() {
    assertRefused(new Object[]{"--ids", "1" + ",1".repeat(4095)}, "4096", "4097",
        "max_position_embeddings", "shorten");
  }

  @ParameterizedTest
  @ValueSource(strings = {"full", "pariskv"})
  void contextThatDoesNotFitInMemory(String method) {
    model.json("config.json", config -> config.put("max_position_embeddings", Integer.MAX_VALUE));
    assertRefused(
        new Object[]{"--ids", "1,2,3", "--max-tokens", 2_000_000_000, "--method", method},
        "not enough memory", "K and V", "available", "max-tokens (2000000000)");
  }

  @Test
  void idsOutOfRange() {
    assertRefused(new Object[]{"--ids", "1,384"}, "token id 384", "384 tokens");
    assertRefused(new Object[]{"--ids", "-1"}, "token id -1");
  }
}
