package io.pariskv.model.file;

import static io.pariskv.model.file.Refusals.refused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pariskv.memory.DType;
import io.pariskv.model.ModelConfig;
import io.pariskv.model.ModelFamily;
import io.pariskv.model.RopeScaling;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

final class ModelDirectoryTest {
  @TempDir
  Path directory;

  @ParameterizedTest
  @CsvSource({"llama3-rope-scaled,model.norm.weight,F32,1.0394477,1.5096908,131.23088836669922",
      "mistral-mha,lm_head.weight,BF16,-0.09863281,-0.06347656,-14.302358709275723",
      "qwen2-bias,model.layers.1.self_attn.k_proj.bias,F16,-0.09539795,-0.008636475,0.35362911224365234",
      "qwen3-tied,model.layers.2.mlp.up_proj.weight,BF16,0.09814453,0.06542969,4.196893200278282"})
  void open_fixture_readsItsTensors(String name, String tensor, DType dtype, float first,
      float last, double sum) {
    try (ModelDirectory model = ModelDirectory.open(Fixtures.huggingFace(name))) {
      TensorView view = model.tensor(tensor);
      assertEquals(dtype, view.dtype());
      assertEquals(dtype, model.config().dtype());
      assertEquals(first, view.floatAt(0), Math.ulp(first));
      assertEquals(last, view.floatAt(view.elements() - 1), Math.ulp(last));
      double found = 0;
      for (long i = 0; i < view.elements(); i++) {
        found += view.floatAt(i);
      }
      assertEquals(sum, found, 1e-9);
    }
  }

  @Test
  void open_recall12m_readsShardsAndOptionalFiles() {
    try (ModelDirectory model = ModelDirectory.open(Fixtures.recall12m())) {
      ModelConfig config = model.config();
      assertEquals(new ModelConfig(ModelFamily.QWEN3, 2345, 384, 768, 6, 8, 2, 128, 1e-6f,
          1_048_576, true, false, false,
          false, true, 5e6, new RopeScaling.None(), List.of(0, 0, 0, 0, 0, 0), null, List.of(2343),
          DType.BF16), config);
      assertEquals(false, model.generationConfig().doSample());
      assertEquals(Fixtures.recall12m().resolve("tokenizer.json"), model.tokenizerFile());
      assertEquals("<|im_end|>", model.tokenizerConfig().get("eos_token"));
      assertEquals(1048576, model.tokenizerConfig().get("model_max_length"));
      assertEquals("model-00001-of-00002.safetensors",
          String.valueOf(model.tensor("model.embed_tokens.weight").file().getFileName()));
      assertEquals("model-00002-of-00002.safetensors",
          String.valueOf(model.tensor("model.layers.5.mlp.up_proj.weight").file().getFileName()));
    }
  }

  @Test
  void open_withoutOptionalFiles_hasNone() {
    try (ModelDirectory model = ModelDirectory.open(new TinyModel().write(directory))) {
      assertEquals(GenerationConfig.EMPTY, model.generationConfig());
      assertNull(model.tokenizerFile());
      assertEquals(Map.of(), model.tokenizerConfig());
      assertNull(model.tensorOrNull("lm_head.weight"));
      refused(() -> model.tensor("lm_head.weight"), "\"lm_head.weight\" is missing");
    }
  }

  @Test
  void requireShape_otherShape_namesBothAndTheField() {
    try (ModelDirectory model = ModelDirectory.open(new TinyModel().write(directory))) {
      Dimension hidden = new Dimension("hidden_size", 12);
      assertNotNull(model.requireShape("model.norm.weight", hidden));
      String file = directory.resolve("model.safetensors")
          + ": tensor \"model.norm.weight\" has shape [12]";
      refused(() -> model.requireShape("model.norm.weight", new Dimension("hidden_size", 16)), file,
          "expected [16]",
          "hidden_size = 16");
      refused(() -> model.requireShape("model.norm.weight", hidden, hidden), file, "[12, 12]",
          "2 dimensions");
    }
  }

  @Test
  void close_viewsBecomeInvalid() {
    ModelDirectory model = ModelDirectory.open(new TinyModel().write(directory));
    TensorView view = model.tensor("model.norm.weight");
    model.close();
    assertThrows(IllegalStateException.class, () -> view.floatAt(0));
  }

  @Test
  void open_missingParts_saysWhich() throws IOException {
    refusedOpen(directory.resolve("absent"), "absent: no such directory");
    refusedOpen(directory, "config.json: no such file");
    Path file = new TinyModel().write(directory).resolve("model.safetensors");
    refusedOpen(file, "is not a directory");
    Files.delete(file);
    refusedOpen(directory, "has neither model.safetensors nor model.safetensors.index.json",
        "download");
    TinyModel.writeText(directory, "pytorch_model.bin", "x");
    refusedOpen(directory, "only PyTorch .bin files");
    Files.createDirectory(file);
    refusedOpen(directory, "model.safetensors: is a directory");
    Files.delete(file);
    Files.createSymbolicLink(file, directory.resolve("blob"));
    refusedOpen(directory, "model.safetensors: no such file");
    TinyModel.writeText(directory, "blob", "");
    refusedOpen(directory, "model.safetensors: has 0 bytes");
    TinyModel.writeText(directory, "blob",
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    refusedOpen(directory, "model.safetensors: is a Git LFS pointer");
    TinyModel.writeText(directory, "config.json", "version https://git-lfs.github.com/spec/v1\n");
    refusedOpen(directory, "config.json: is a Git LFS pointer");
  }

  @Test
  void open_linkedWeights_areFollowed() throws IOException {
    Path file = new TinyModel().write(directory).resolve("model.safetensors");
    Files.move(file, directory.resolve("blob"));
    Files.createSymbolicLink(file, directory.resolve("blob"));
    try (ModelDirectory model = ModelDirectory.open(directory)) {
      assertEquals(24, model.tensorNames().size());
    }
  }

  @Test
  void open_shards_findEachTensorInItsFile() {
    new TinyModel().writeShards(directory);
    try (ModelDirectory model = ModelDirectory.open(directory)) {
      assertArrayEquals(new long[]{10, 12},
          model.tensor("model.layers.1.mlp.up_proj.weight").shape());
      assertEquals(directory.resolve(TinyModel.shardName(1)),
          model.tensor("model.layers.1.mlp.up_proj.weight").file());
      assertEquals(24, model.tensorNames().size());
    }
  }

  @Test
  void open_shardMissingOrShort_saysWhich() throws IOException {
    new TinyModel().writeShards(directory);
    Path shard = directory.resolve(TinyModel.shardName(1));
    byte[] bytes = Files.readAllBytes(shard);
    Files.write(shard, Arrays.copyOf(bytes, bytes.length - 100));
    refusedOpen(directory, shard + ": tensor", "the download is incomplete");
    Files.delete(shard);
    refusedOpen(directory, shard + ": is missing", "model.safetensors.index.json puts tensor");
  }

  @Test
  void open_indexAgainstShard_namesBoth() {
    ObjectNode index = new TinyModel().writeShards(directory);
    ((ObjectNode) index.get("weight_map")).put("model.norm.weight", TinyModel.shardName(1));
    TinyModel.writeText(directory, "model.safetensors.index.json", index.toString());
    refusedOpen(directory, TinyModel.shardName(1) + ": has no tensor \"model.norm.weight\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x.safetensors", "a/b.safetensors", "/etc/x.safetensors",
      "a\\b.safetensors",
      "C:x.safetensors", "..", ".", "", ".safetensors", "model.bin", "a\u0000.safetensors",
      "a\n.safetensors"})
  void open_shardOutsideTheDirectory_isRefused(String name) {
    ObjectNode index = new TinyModel().writeShards(directory);
    ((ObjectNode) index.get("weight_map")).put("model.norm.weight", name);
    TinyModel.writeText(directory, "model.safetensors.index.json", index.toString());
    refusedOpen(directory, "weight_map puts tensor \"model.norm.weight\"", "plain name");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{}", "[]", "{\"weight_map\":{}}", "{\"weight_map\":[]}",
      "{\"weight_map\":{\"a\":3}}",
      "{\"weight_map\":{\"a\":{}}}",
      "{\"weight_map\":{\"a\":\"b.safetensors\",\"a\":\"b.safetensors\"}}"})
  void open_badIndex_isRefused(String text) {
    new TinyModel().writeShards(directory);
    TinyModel.writeText(directory, "model.safetensors.index.json", text);
    refusedOpen(directory, "model.safetensors.index.json");
  }

  @Test
  void open_indexOfTooManyShards_isRefusedBeforeOpeningAny() {
    StringBuilder map = new StringBuilder("{\"weight_map\":{\"t\":\"s.safetensors\"");
    for (int i = 0; i < 5_000; i++) {
      map.append(",\"t").append(i).append("\":\"s").append(i).append(".safetensors\"");
    }
    TinyModel.writeText(directory, "config.json", new TinyModel().config.toString());
    TinyModel.writeText(directory, "model.safetensors.index.json", map + "}}");
    refusedOpen(directory, "names 5001 files", "4096");
  }

  @Test
  void tokenizerConfig_malformed_isRefusedOnCallOnly() {
    TinyModel.writeText(new TinyModel().write(directory), "tokenizer_config.json", "[1]");
    try (ModelDirectory model = ModelDirectory.open(directory)) {
      refused(model::tokenizerConfig, "tokenizer_config.json: is not a JSON object");
    }
  }

  @Test
  void open_randomDamageToIndex_onlyInputExceptionEscapes() {
    byte[] good = new TinyModel().writeShards(directory).toString()
        .getBytes(StandardCharsets.UTF_8);
    Mutations.run(good, 0, good.length, 400, 17, 64 << 20, bad -> {
      TinyModel.writeBytes(directory, "model.safetensors.index.json", bad);
      ModelDirectory.open(directory).close();
    });
  }

  @Test
  void open_randomDamageToWeights_onlyInputExceptionEscapes() throws IOException {
    byte[] good = Files.readAllBytes(new TinyModel().write(directory).resolve("model.safetensors"));
    Mutations.run(good, 0, good.length, 400, 19, 64 << 20, bad -> {
      TinyModel.writeBytes(directory, "model.safetensors", bad);
      try (ModelDirectory model = ModelDirectory.open(directory)) {
        ModelTensors.of(model);
      }
    });
  }

  private static void refusedOpen(Path path, String... expected) {
    refused(() -> ModelDirectory.open(path).close(), expected);
  }
}
