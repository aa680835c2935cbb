package io.pariskv.model.file;

import static io.pariskv.model.file.Refusals.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ModelTensorsTest {
  private static final String Q = "model.layers.1.self_attn.q_proj.weight";
  @TempDir
  Path directory;

  @ParameterizedTest
  @CsvSource({"llama3-rope-scaled,false,false,false", "mistral-mha,false,false,false",
      "qwen2-bias,true,false,false",
      "qwen3-tied,false,true,true"})
  void of_fixture_findsEverything(String name, boolean bias, boolean norm, boolean tied) {
    try (ModelDirectory model = ModelDirectory.open(Fixtures.huggingFace(name))) {
      ModelTensors tensors = ModelTensors.of(model);
      assertEquals(model.config().layers(), tensors.layers().size());
      if (tied) {
        assertSame(tensors.embedding(), tensors.lmHead());
      } else {
        assertEquals("lm_head.weight", tensors.lmHead().name());
        assertNotSame(tensors.embedding(), tensors.lmHead());
      }
      for (LayerTensors layer : tensors.layers()) {
        assertEquals(List.of(bias, bias, bias, false),
            List.of(layer.qBias() != null, layer.kBias() != null,
                layer.vBias() != null, layer.oBias() != null));
        assertEquals(norm, layer.qNorm() != null && layer.kNorm() != null);
      }
      assertEquals("model.layers.1.self_attn.k_proj.weight", tensors.layers().get(1).k().name());
    }
  }

  @Test
  void of_recall12m_findsEverythingInBothShards() {
    try (ModelDirectory model = ModelDirectory.open(Fixtures.recall12m())) {
      ModelTensors tensors = ModelTensors.of(model);
      assertEquals(6, tensors.layers().size());
      assertSame(tensors.embedding(), tensors.lmHead());
      assertEquals("model.norm.weight [384] bf16", tensors.finalNorm().toString());
    }
  }

  @Test
  void of_llamaWithAllBiases_findsThem() {
    TinyModel model = new TinyModel().asFamily("LlamaForCausalLM", "llama");
    model.config.put("attention_bias", true).put("mlp_bias", true);
    model.addBias("self_attn.q_proj", 24).addBias("self_attn.k_proj", 12)
        .addBias("self_attn.v_proj", 12)
        .addBias("self_attn.o_proj", 12).addBias("mlp.gate_proj", 10).addBias("mlp.up_proj", 10)
        .addBias("mlp.down_proj", 12);
    try (ModelDirectory opened = ModelDirectory.open(model.write(directory))) {
      LayerTensors layer = ModelTensors.of(opened).layers().get(1);
      assertEquals("model.layers.1.mlp.gate_proj.bias [10] bf16", String.valueOf(layer.gateBias()));
      assertNotNull(layer.upBias());
      assertNotNull(layer.downBias());
      assertNotNull(layer.oBias());
      assertNull(layer.qNorm());
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {"vocab_size|8|model.embed_tokens.weight|vocab_size = 8",
      "hidden_size|14|model.embed_tokens.weight|hidden_size = 14",
      "intermediate_size|11|mlp.gate_proj.weight|intermediate_size = 11",
      "num_attention_heads|2|q_proj.weight|num_attention_heads * head_dim = 12",
      "num_key_value_heads|1|k_proj.weight|num_key_value_heads * head_dim = 6",
      "head_dim|8|q_proj.weight|num_attention_heads * head_dim = 32",
      "num_hidden_layers|1|model.layers.1.|num_hidden_layers is 1",
      "num_hidden_layers|3|model.layers.2.input_layernorm.weight|is missing"})
  void of_configAgainstTensors_namesTheField(String field, int value, String tensor,
      String expected) {
    TinyModel model = new TinyModel();
    model.config.put(field, value);
    refusedModel(model, tensor, expected);
  }

  @Test
  void of_wrongRank_isRefused() {
    TinyModel model = new TinyModel();
    model.tensors.put(Q, new long[]{24 * 12});
    refusedModel(model, Q, "has shape [288]", "[24, 12]", "2 dimensions");
  }

  @ParameterizedTest
  @ValueSource(strings = {"I8", "U8", "I32", "F8_E4M3", "F64"})
  void of_unusableType_isRefused(SafetensorsType type) {
    TinyModel model = new TinyModel();
    model.types.put(Q, type);
    refusedModel(model, Q, "has dtype " + type, "expected F32, F16 or BF16");
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.layers.0.self_attn.q_proj.weight_scale",
      "model.layers.0.mlp.up_proj.qweight",
      "model.layers.0.mlp.down_proj.g_idx", "lm_head.weight_scale_inv",
      "model.embed_tokens.scales"})
  void of_quantizedModel_isRefused(String name) {
    TinyModel model = new TinyModel();
    model.tensors.put(name, new long[]{1});
    refusedModel(model, name, "quantized weights are not supported");
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.layers.0.self_attn.q_proj.bias", "model.layers.1.mlp.up_proj.bias",
      "lm_head.bias"})
  void of_biasTheConfigDoesNotHave_isRefused(String name) {
    TinyModel model = new TinyModel();
    model.tensors.put(name, new long[]{24});
    refusedModel(model, name, "Qwen3ForCausalLM with this config.json has none");
  }

  @Test
  void of_otherFamilyInConfig_isRefused() {
    TinyModel model = new TinyModel();
    model.config.putArray("architectures").add("LlamaForCausalLM");
    model.config.put("model_type", "llama");
    refusedModel(model, "_norm.weight", "LlamaForCausalLM with this config.json has none");
  }

  @Test
  void of_unknownTensors_areTolerated() {
    TinyModel model = new TinyModel();
    model.tensors.put("model.layers.0.self_attn.rotary_emb.inv_freq", new long[]{3});
    model.tensors.put("visual.patch_embed.proj.weight", new long[]{3, 3});
    model.types.put("visual.patch_embed.proj.weight", SafetensorsType.I8);
    try (ModelDirectory opened = ModelDirectory.open(model.write(directory))) {
      assertEquals(2, ModelTensors.of(opened).layers().size());
    }
  }

  @Test
  void of_untiedWithoutOutputProjection_isRefused() {
    TinyModel model = new TinyModel();
    model.config.put("tie_word_embeddings", false);
    refusedModel(model, "\"lm_head.weight\" is missing");
  }

  @Test
  void of_tiedWithOutputProjection_mustBeEqual() throws IOException {
    TinyModel model = new TinyModel();
    model.tensors.put("lm_head.weight", new long[]{7, 12});
    refusedModel(model, "\"lm_head.weight\" differs", "tie_word_embeddings");
    Path file = directory.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    int size = 7 * 12 * 2;
    int embedding = 8 + (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    System.arraycopy(bytes, embedding, bytes, bytes.length - size, size);
    Files.write(file, bytes);
    try (ModelDirectory opened = ModelDirectory.open(directory)) {
      ModelTensors tensors = ModelTensors.of(opened);
      assertSame(tensors.embedding(), tensors.lmHead());
    }
  }

  private void refusedModel(TinyModel model, String... expected) {
    try (ModelDirectory opened = ModelDirectory.open(model.write(directory))) {
      refused(() -> ModelTensors.of(opened), expected);
    }
  }
}
