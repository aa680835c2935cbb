package io.pariskv.model.file;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A model directory small enough to write for each test, and open to every kind of damage before that:
 * Qwen3, 2 layers, hidden size 12, 4 query heads, 2 KV heads, head size 6, MLP 10, 7 tokens.
 */
final class TinyModel {
  final ObjectNode config = (ObjectNode) JsonMapper.shared().readTree(
      """
          {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 7, "hidden_size": 12,
           "intermediate_size": 10, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
           "head_dim": 6, "hidden_act": "silu", "max_position_embeddings": 100, "rms_norm_eps": 1e-6,
           "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}, "dtype": "bfloat16",
           "tie_word_embeddings": true, "eos_token_id": 6}
          """);
  /** Shapes by tensor name; all BF16 unless listed in {@link #types}. */
  final Map<String, long[]> tensors = new LinkedHashMap<>();
  final Map<String, SafetensorsType> types = new LinkedHashMap<>();

  TinyModel() {
    tensors.put("model.embed_tokens.weight", new long[]{7, 12});
    tensors.put("model.norm.weight", new long[]{12});
    for (int i = 0; i < 2; i++) {
      String layer = "model.layers." + i + ".";
      tensors.put(layer + "input_layernorm.weight", new long[]{12});
      tensors.put(layer + "post_attention_layernorm.weight", new long[]{12});
      tensors.put(layer + "self_attn.q_proj.weight", new long[]{24, 12});
      tensors.put(layer + "self_attn.k_proj.weight", new long[]{12, 12});
      tensors.put(layer + "self_attn.v_proj.weight", new long[]{12, 12});
      tensors.put(layer + "self_attn.o_proj.weight", new long[]{12, 24});
      tensors.put(layer + "self_attn.q_norm.weight", new long[]{6});
      tensors.put(layer + "self_attn.k_norm.weight", new long[]{6});
      tensors.put(layer + "mlp.gate_proj.weight", new long[]{10, 12});
      tensors.put(layer + "mlp.up_proj.weight", new long[]{10, 12});
      tensors.put(layer + "mlp.down_proj.weight", new long[]{12, 10});
    }
  }

  /** Without Qwen3's norms, as a Llama, Mistral or Qwen2 model. */
  TinyModel asFamily(String architecture, String modelType) {
    config.putArray("architectures").add(architecture);
    config.put("model_type", modelType);
    tensors.keySet()
        .removeIf(name -> name.endsWith("q_norm.weight") || name.endsWith("k_norm.weight"));
    return this;
  }

  /** Gives both layers a bias of this size. */
  TinyModel addBias(String module, long size) {
    for (int i = 0; i < 2; i++) {
      tensors.put("model.layers." + i + "." + module + ".bias", new long[]{size});
    }
    return this;
  }

  /** Writes it with one weight file. */
  Path write(Path directory) {
    writeText(directory, "config.json", config.toString());
    SafetensorsBytes bytes = new SafetensorsBytes();
    tensors.forEach(
        (name, shape) -> bytes.add(name, types.getOrDefault(name, SafetensorsType.BF16), shape));
    writeBytes(directory, "model.safetensors", bytes.toBytes());
    return directory;
  }

  /** Writes it with two shards and returns the index, which is written too. */
  ObjectNode writeShards(Path directory) {
    writeText(directory, "config.json", config.toString());
    SafetensorsBytes[] shards = {new SafetensorsBytes(), new SafetensorsBytes()};
    ObjectNode index = JsonMapper.shared().createObjectNode();
    index.putObject("metadata").put("total_size", 1);
    ObjectNode map = index.putObject("weight_map");
    tensors.forEach((name, shape) -> {
      int shard = name.startsWith("model.layers.1.") ? 1 : 0;
      shards[shard].add(name, types.getOrDefault(name, SafetensorsType.BF16), shape);
      map.put(name, shardName(shard));
    });
    for (int i = 0; i < 2; i++) {
      writeBytes(directory, shardName(i), shards[i].toBytes());
    }
    writeText(directory, "model.safetensors.index.json", index.toString());
    return index;
  }

  static String shardName(int shard) {
    return "model-0000" + (shard + 1) + "-of-00002.safetensors";
  }

  static Path writeText(Path directory, String name, String text) {
    return writeBytes(directory, name, text.getBytes(StandardCharsets.UTF_8));
  }

  static Path writeBytes(Path directory, String name, byte[] bytes) {
    try {
      return Files.write(directory.resolve(name), bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
