package io.pariskv.model.file;

import static io.pariskv.model.file.Refusals.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.memory.DType;
import io.pariskv.model.ModelConfig;
import io.pariskv.model.ModelFamily;
import io.pariskv.model.RopeScaling;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

final class ModelConfigReaderTest {
  @TempDir
  Path directory;

  @Test
  void read_everyField_isTaken() {
    ModelConfig config = read(c -> {
    });
    assertEquals(new ModelConfig(ModelFamily.QWEN3, 7, 12, 10, 2, 4, 2, 6, 1e-6f, 100, true, false,
        false, false, true,
        10_000, new RopeScaling.None(), List.of(0, 0), null, List.of(6), DType.BF16), config);
    assertEquals(2, config.groupSize());
  }

  @Test
  void read_oldSpelling_meansTheSame() {
    ModelConfig old = read(c -> {
      c.remove("rope_parameters");
      c.put("rope_theta", 10_000).putNull("rope_scaling").remove("dtype");
      c.put("torch_dtype", "bfloat16");
    });
    assertEquals(read(c -> {
    }), old);
    assertEquals(DType.F16,
        read(c -> c.put("dtype", "float16").put("torch_dtype", "float32")).dtype());
    assertNull(read(c -> c.putNull("dtype")).dtype());
    assertEquals(10_000, read(c -> c.remove("rope_parameters")).ropeTheta());
    assertEquals(10_000, read(c -> c.putNull("rope_parameters")).ropeTheta());
  }

  @Test
  void read_absentFields_haveTheFamilysDefaults() {
    assertEquals(4, read(c -> c.remove("num_key_value_heads")).kvHeads());
    assertEquals(4, read(c -> c.putNull("num_key_value_heads")).kvHeads());
    assertEquals(128, read(c -> c.remove("head_dim")).headDim(), "Qwen3's own default");
    assertFalse(read(c -> c.remove("tie_word_embeddings")).tieWordEmbeddings());
    assertEquals(List.of(), read(c -> c.remove("eos_token_id")).eosTokenIds());
    assertNull(read(c -> c.remove("bos_token_id")).bosTokenId());
    ObjectNode mistral = new TinyModel().asFamily("MistralForCausalLM", "mistral").config;
    mistral.remove("eos_token_id");
    assertEquals(List.of(2), read(mistral).eosTokenIds());
    assertEquals(1, read(mistral).bosTokenId());
    assertEquals(List.of(), read(mistral.putNull("eos_token_id")).eosTokenIds());
    assertNull(read(mistral.putNull("bos_token_id")).bosTokenId());
    ObjectNode llama = new TinyModel().asFamily("LlamaForCausalLM", "llama").config;
    llama.remove("head_dim");
    llama.put("num_attention_heads", 6);
    assertEquals(2, read(llama).headDim());
    llama.put("num_attention_heads", 10);
    refusedConfig(llama, "hidden_size is 12", "num_attention_heads 10");
  }

  @Test
  void read_biases_followTheFamily() {
    checkBiases("LlamaForCausalLM", "llama", "attention_bias", true, true, false);
    checkBiases("LlamaForCausalLM", "llama", "mlp_bias", false, false, true);
    checkBiases("MistralForCausalLM", "mistral", "attention_bias", false, false, false);
    checkBiases("Qwen2ForCausalLM", "qwen2", "mlp_bias", true, false, false);
    checkBiases("Qwen3ForCausalLM", "qwen3", "attention_bias", true, true, false);
  }

  private void checkBiases(String architecture, String type, String field, boolean qkv,
      boolean output, boolean mlp) {
    ObjectNode config = new TinyModel().asFamily(architecture, type).config;
    ModelConfig read = read(config.put(field, true));
    assertEquals(List.of(qkv, output, mlp),
        List.of(read.qkvBias(), read.outputBias(), read.mlpBias()), architecture);
    assertEquals(type.equals("qwen3"), read.qkNorm());
  }

  @Test
  void read_mistralWindow_holdsForAllLayers() {
    ObjectNode config = new TinyModel().asFamily("MistralForCausalLM", "mistral").config;
    assertEquals(List.of(4096, 4096), read(config).slidingWindows(), "the family's default");
    assertEquals(List.of(8, 8), read(config.put("sliding_window", 8)).slidingWindows());
    config.putArray("layer_types").add("full_attention").add("sliding_attention");
    refusedConfig(config, "layer_types", "sliding_window is 8");
    config.remove("layer_types");
    assertEquals(List.of(0, 0), read(config.putNull("sliding_window")).slidingWindows());
    assertEquals(List.of(0, 0),
        read(new TinyModel().asFamily("LlamaForCausalLM", "llama").config.put("sliding_window", 8))
            .slidingWindows(),
        "Llama has none");
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen2", "qwen3"})
  void read_qwenWindow_holdsForSomeLayers(String type) {
    ObjectNode config = new TinyModel().asFamily(
        type.equals("qwen2") ? "Qwen2ForCausalLM" : "Qwen3ForCausalLM",
        type).config;
    config.put("sliding_window", 8).put("max_window_layers", 1);
    assertEquals(List.of(0, 0), read(config).slidingWindows());
    config.put("use_sliding_window", true);
    assertEquals(List.of(0, 8), read(config).slidingWindows());
    config.putArray("layer_types").add("sliding_attention").add("full_attention");
    assertEquals(List.of(8, 0), read(config).slidingWindows());
    refusedConfig(config.deepCopy().put("use_sliding_window", false), "layer_types",
        "use_sliding_window is false");
    refusedConfig(config.deepCopy().put("num_hidden_layers", 3), "layer_types has 2 entries",
        "num_hidden_layers 3");
    config.putArray("layer_types").add("chunked_attention").add("full_attention");
    refusedConfig(config, "\"chunked_attention\"", "expected full_attention or sliding_attention");
    config.remove("layer_types");
    config.remove("max_window_layers");
    assertEquals(List.of(0, 0), read(config).slidingWindows(), "from layer 28 on");
  }

  @Test
  void read_endTokens_comeFromGenerationConfigFirst() {
    GenerationConfig generation = new GenerationConfig(null, null, null, null, null, null,
        List.of(1, 2));
    Path file = TinyModel.writeText(directory, "config.json", new TinyModel().config.toString());
    assertEquals(List.of(1, 2), ModelConfigReader.read(file, generation).eosTokenIds());
    assertEquals(List.of(3, 4), read(c -> c.putArray("eos_token_id").add(3).add(4)).eosTokenIds());
    assertEquals(5, read(c -> c.put("bos_token_id", 5)).bosTokenId());
    GenerationConfig other = new GenerationConfig(null, null, null, null, null, null, List.of(7));
    refused(() -> ModelConfigReader.read(file, other), "vocab_size is 7",
        "eos_token_id 7 of generation_config.json");
    refusedConfig(c -> c.put("eos_token_id", 7), "eos_token_id is 7", "vocab_size is 7");
    refusedConfig(c -> c.put("bos_token_id", -1), "bos_token_id is -1");
    refusedConfig(c -> c.putArray("bos_token_id").add(1).add(2), "bos_token_id has 2");
  }

  /** Of 100 in the file. */
  @Test
  void positions_areThoseAfterStretching_whereTheFileSaysWhichItHas() {
    String original = ",'original_max_position_embeddings':";
    assertEquals(400, rope("rope_scaling", "{'type':'dynamic','factor':4}").positions());
    assertEquals(240,
        rope("rope_scaling", "{'type':'yarn','factor':4" + original + "60}").positions());
    assertEquals(100,
        rope("rope_scaling", "{'type':'yarn','factor':4" + original + "25}").positions());
    assertEquals(100,
        rope("rope_scaling", "{'type':'yarn','factor':null" + original + "25}").positions());
    assertEquals(100, rope("rope_scaling", "{'type':'linear','factor':4}").positions());
    assertEquals(Integer.MAX_VALUE,
        rope("rope_scaling", "{'type':'yarn','factor':1e6" + original + "2000000000}").positions());
  }

  @Test
  void read_ropeTypes_inBothSpellings() {
    String yarn = "{'rope_type':'yarn','factor':4,'original_max_position_embeddings':25,'rope_theta':1e6}";
    RopeScaling expected = new RopeScaling.Yarn(4, 25, null, 32, 1, null, null, true);
    assertEquals(expected, rope("rope_parameters", yarn).ropeScaling());
    assertEquals(1e6, rope("rope_parameters", yarn).ropeTheta());
    assertEquals(expected, rope("rope_scaling", yarn.replace("rope_type", "type")).ropeScaling());
    assertEquals(expected,
        rope("rope_parameters", yarn.replace("'factor':4", "'factor':null")).ropeScaling(),
        "max_position_embeddings / original");
    assertEquals(new RopeScaling.Yarn(2, 100, 1.5, 16, 2, 0.7, 0.9, false), rope("rope_scaling",
        "{'type':'yarn','factor':2.0,'attention_factor':1.5,'beta_fast':16,'beta_slow':2,'mscale':0.7,"
            + "'mscale_all_dim':0.9,'truncate':false}")
        .ropeScaling());
    assertEquals(new RopeScaling.Yarn(2, 100, null, 32, 1, 0.0, null, true),
        rope("rope_scaling", "{'type':'yarn','factor':2,'beta_fast':0,'beta_slow':0,'mscale':0}")
            .ropeScaling());
    assertEquals(new RopeScaling.Linear(3),
        rope("rope_scaling", "{'type':'linear','factor':3}").ropeScaling());
    assertEquals(new RopeScaling.Dynamic(3.5),
        rope("rope_scaling", "{'type':'dynamic','rope_type':'dynamic','factor':3.5}")
            .ropeScaling());
    assertEquals(new RopeScaling.Llama3(8, 1, 4, 64),
        rope("rope_parameters", "{'rope_type':'llama3','factor':8.0,"
            + "'low_freq_factor':1,'high_freq_factor':4,'original_max_position_embeddings':64}")
            .ropeScaling());
    assertEquals(new RopeScaling.None(), rope("rope_scaling", "{}").ropeScaling());
    assertEquals(new RopeScaling.None(),
        rope("rope_parameters", "{'partial_rotary_factor':1.0}").ropeScaling());
  }

  @Test
  void read_badRope_isRefusedWithTheField() {
    refusedRope("{'rope_type':'longrope'}", "rope_parameters.rope_type is \"longrope\"",
        "[default, linear, dynamic, llama3, yarn]");
    refusedRope("{'rope_type':'linear'}", "rope_parameters.factor is missing");
    refusedRope("{'rope_type':'linear','factor':0.5}", "rope_parameters.factor is 0.5");
    refusedRope("{'rope_type':'linear','factor':'4'}", "rope_parameters.factor is \"4\"");
    refusedRope("{'rope_type':'linear','type':'dynamic','factor':4}", "but type is \"dynamic\"");
    refusedRope("{'rope_type':'llama3','factor':8,'low_freq_factor':4,'high_freq_factor':1}",
        "low_freq_factor is 4");
    refusedRope("{'rope_type':'llama3','factor':8}", "rope_parameters.low_freq_factor is missing");
    refusedRope("{'partial_rotary_factor':0.5}", "partial_rotary_factor is 0.5", "expected 1");
    refusedRope("{'rope_theta':0}", "rope_theta is 0.0");
    refusedRope("{'rope_theta':1e999}", "rope_parameters.rope_theta");
    refusedRope("{'full_attention':{'rope_theta':1},'sliding_attention':{}}", "full_attention",
        "layer type");
    refusedRope("[]", "rope_parameters is a list");
    refusedConfig(c -> c.put("partial_rotary_factor", 0.25), "partial_rotary_factor is 0.25");
    refusedConfig(c -> c.put("rope_theta", 5), "rope_theta is 10000.0", "5.0");
    refusedConfig(c -> c.putObject("rope_scaling").put("type", "linear").put("factor", 2),
        "rope_scaling",
        "rope_parameters says");
  }

  @Test
  void read_unsupportedModel_saysWhatIsSupported() {
    refusedConfig(c -> c.putArray("architectures").add("Gemma3ForCausalLM"),
        "architectures is [Gemma3ForCausalLM]",
        "[LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM]");
    refusedConfig(c -> c.remove("architectures"), "architectures is []");
    refusedConfig(c -> c.put("architectures", "Qwen3ForCausalLM"),
        "architectures is \"Qwen3ForCausalLM\"", "a list");
    refusedConfig(c -> c.put("model_type", "llama"), "model_type is \"llama\"",
        "expected \"qwen3\"");
    refusedConfig(c -> c.put("hidden_act", "gelu"), "hidden_act is \"gelu\"", "expected \"silu\"");
    refusedConfig(c -> c.putObject("quantization_config").put("bits", 4), "quantization_config",
        "not supported");
    refusedConfig(c -> c.put("dtype", "float8_e4m3fn"), "dtype is \"float8_e4m3fn\"", "bfloat16");
  }

  @Test
  void read_badNumbers_namesTheFieldAndBothNumbers() {
    for (String field : List.of("vocab_size", "hidden_size", "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings")) {
      for (String bad : List.of("0", "-3", "2147483648", "99999999999999999999999", "1.0", "\"8\"",
          "true", "[8]", "{}")) {
        refusedConfig(c -> c.set(field, JsonMapper.shared().readTree(bad)), field + " is",
            "a whole number from 1 to");
      }
    }
    for (String bad : List.of("0", "-1e-6", "1e999", "1e-300", "\"1e-6\"", "2")) {
      refusedConfig(c -> c.set("rms_norm_eps", JsonMapper.shared().readTree(bad)),
          "rms_norm_eps is");
    }
    for (String field : List.of("vocab_size", "hidden_size", "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads", "max_position_embeddings", "rms_norm_eps")) {
      refusedConfig(c -> c.remove(field), field + " is missing");
    }
    refusedConfig(c -> c.put("num_hidden_layers", 1001), "num_hidden_layers is 1001", "1 to 1000");
    refusedConfig(c -> c.put("num_key_value_heads", 3), "num_attention_heads is 4",
        "num_key_value_heads 3");
    refusedConfig(c -> c.put("num_key_value_heads", 8), "num_attention_heads is 4",
        "num_key_value_heads 8");
    refusedConfig(c -> c.put("head_dim", 7), "head_dim is 7", "even");
    refusedConfig(c -> c.put("tie_word_embeddings", "yes"), "tie_word_embeddings is \"yes\"",
        "true or false");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[]", "3", "null", "{", "{} {}", "{\"a\":1,\"a\":2}", "{\"a\":NaN}",
      "\u0000", "{\"a\" 1}"})
  void read_notAnObject_isRefused(String text) {
    refusedText(text, "config.json");
  }

  @Test
  void read_beyondTheLimits_isRefused() {
    refusedText("{\"a\":" + "[".repeat(1_000_000), "depth");
    refusedText("{\"a\":" + "1".repeat(100_000) + "}", "length");
    refusedText("{\"a\":[" + "0,".repeat(2_000_000) + "0]}", "Token count");
    refusedText("{}" + " ".repeat(17 << 20), "limit for this file");
  }

  @Test
  void read_randomDamage_onlyInputExceptionEscapes() {
    ObjectNode config = new TinyModel().config;
    config.set("rope_parameters",
        quoted("{'rope_type':'yarn','factor':4.0,'original_max_position_embeddings':25,"
            + "'rope_theta':1e6,'beta_fast':32,'beta_slow':1,'mscale':1.0,'mscale_all_dim':0.5,'truncate':true}"));
    config.put("use_sliding_window", true).put("sliding_window", 8).putArray("layer_types")
        .add("full_attention")
        .add("sliding_attention");
    byte[] good = config.toPrettyString().getBytes(StandardCharsets.UTF_8);
    Mutations.run(good, 0, good.length, 1_500, 11, 64 << 20,
        bad -> ModelConfigReader.read(TinyModel.writeBytes(directory, "config.json", bad),
            GenerationConfig.EMPTY));
  }

  private ModelConfig rope(String field, String json) {
    ObjectNode config = new TinyModel().config;
    config.remove("rope_parameters");
    config.set(field, quoted(json));
    return read(config);
  }

  private void refusedRope(String json, String... expected) {
    refusedConfig(c -> c.set("rope_parameters", quoted(json)), expected);
  }

  private static JsonNode quoted(String json) {
    return JsonMapper.shared().readTree(json.replace('\'', '"'));
  }

  private ModelConfig read(Consumer<ObjectNode> edit) {
    ObjectNode config = new TinyModel().config;
    edit.accept(config);
    return read(config);
  }

  private ModelConfig read(ObjectNode config) {
    return ModelConfigReader.read(TinyModel.writeText(directory, "config.json", config.toString()),
        GenerationConfig.EMPTY);
  }

  private void refusedConfig(Consumer<ObjectNode> edit, String... expected) {
    ObjectNode config = new TinyModel().config;
    edit.accept(config);
    refusedConfig(config, expected);
  }

  private void refusedConfig(ObjectNode config, String... expected) {
    refusedText(config.toString(), expected);
  }

  private void refusedText(String text, String... expected) {
    Path file = TinyModel.writeText(directory, "config.json", text);
    String message = String.valueOf(
        refused(() -> ModelConfigReader.read(file, GenerationConfig.EMPTY), expected).getMessage());
    assertTrue(message.startsWith(file.toString()), message);
  }
}
