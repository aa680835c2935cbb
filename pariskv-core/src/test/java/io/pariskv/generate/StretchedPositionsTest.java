package io.pariskv.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.fixtures.Fixtures;
import io.pariskv.method.FullAttention;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A model whose RoPE is stretched takes the sequences that it is stretched for. */
class StretchedPositionsTest {
  private static final int TRAINED = 16;
  private static final int FACTOR = 4;
  private static final int TOKENS = 40;
  private static final int[] PROMPT = new Random(3).ints(TOKENS, 0, 384).toArray();

  @TempDir
  private Path directory;

  private LanguageModel load(Consumer<ObjectNode> change) throws IOException {
    Path from = Fixtures.model("qwen3-tied");
    Files.copy(from.resolve("model.safetensors"), directory.resolve("model.safetensors"));
    JsonMapper mapper = JsonMapper.shared();
    ObjectNode config = (ObjectNode) mapper.readTree(from.resolve("config.json").toFile());
    config.remove("rope_parameters");
    change.accept(config);
    Files.writeString(directory.resolve("config.json"), mapper.writeValueAsString(config));
    return LanguageModel.load(directory, LoadOptions.defaults().withBackend("scalar"));
  }

  private LanguageModel stretched(String type) throws IOException {
    return load(config -> config.put("max_position_embeddings", TRAINED).put("rope_theta", 1e6)
        .putObject("rope_scaling").put("type", type).put("factor", FACTOR)
        .put("original_max_position_embeddings", TRAINED));
  }

  /** As Qwen's model cards have it: the object is added, and max_position_embeddings left alone. */
  @Test
  void yarn_isTakenUpToTheStretchedLength() throws IOException {
    try (LanguageModel model = stretched("yarn");
        Session session = model.newSession(new FullAttention())) {
      assertEquals(TRAINED * FACTOR, model.plan().context());
      assertEquals(3, session.generate(PROMPT, GenerationOptions.greedy(3).withIgnoreEos(true),
          GenerationListener.NONE).tokens().size());
      String refusal = String.valueOf(assertThrows(InputException.class,
          () -> session.prefill(new int[TRAINED * FACTOR], GenerationListener.NONE)).getMessage());
      assertTrue(refusal.contains("65 positions") && refusal.contains("has 64"), refusal);
    }
  }

  /** It differs from plain RoPE only beyond the trained length: the base is then another one. */
  @Test
  void dynamic_turnsByTheBaseOfTheLongerSequence() throws IOException {
    float[][] found;
    try (LanguageModel model = stretched("dynamic")) {
      found = PromptLogits.compute(model, PROMPT, new int[]{TOKENS - 1});
    }
    Files.delete(directory.resolve("model.safetensors"));
    double base = 1e6 * Math.pow((double) FACTOR * TOKENS / TRAINED - (FACTOR - 1), 64 / 62.0);
    try (LanguageModel model = load(config -> config.put("rope_theta", base))) {
      assertArrayEquals(PromptLogits.compute(model, PROMPT, new int[]{TOKENS - 1})[0], found[0],
          1e-3f);
    }
  }
}
