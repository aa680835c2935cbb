package io.pariskv.model.file;

import io.pariskv.error.InputException;
import io.pariskv.model.ModelConfig;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * All weights of a model by their place in it, checked against the configuration.
 *
 * <p>Tensors of unknown modules are ignored, as transformers does. A tensor of a known module that the
 * configuration has no use for is refused: a bias, a quantization scale or a further layer that is left
 * out of the computation would change every answer without a word.
 *
 * @param embedding {@code [vocabSize][hiddenSize]}
 * @param layers    one for each decoder layer
 * @param finalNorm {@code [hiddenSize]}
 * @param lmHead    {@code [vocabSize][hiddenSize]}; the embedding itself where the two are tied
 */
public record ModelTensors(TensorView embedding, List<LayerTensors> layers, TensorView finalNorm,
    TensorView lmHead) {
  private static final String EMBEDDING = "model.embed_tokens.weight";
  private static final String FINAL_NORM = "model.norm.weight";
  private static final String LM_HEAD = "lm_head.weight";
  private static final Pattern LAYER = Pattern.compile("model\\.layers\\.(\\d{1,9})\\.(.+)");
  private static final Pattern KNOWN_IN_LAYER = Pattern
      .compile("(input_layernorm|post_attention_layernorm"
          + "|self_attn\\.([qkvo]_proj|[qk]_norm)|mlp\\.(gate|up|down)_proj)\\..+");
  private static final Pattern KNOWN_OUTSIDE = Pattern
      .compile("(lm_head|model\\.embed_tokens|model\\.norm)\\..+");

  public ModelTensors {
    layers = List.copyOf(layers);
  }

  /**
   * Finds and checks every tensor the configuration asks for. Reads no tensor data, except where a tied
   * model also has its own output projection: then both are compared.
   *
   * @throws InputException if a tensor is missing, superfluous, quantized, or of another shape
   */
  public static ModelTensors of(ModelDirectory directory) {
    return new Finder(directory, directory.config()).find();
  }

  private record Finder(ModelDirectory directory, ModelConfig config) {

    ModelTensors find() {
      refuseUnused();
      TensorView embedding = matrix(EMBEDDING, vocab(), hidden());
      List<LayerTensors> layers = IntStream.range(0, config.layers()).mapToObj(this::layer)
          .toList();
      return new ModelTensors(embedding, layers, vector(FINAL_NORM, hidden()), lmHead(embedding));
    }

    private LayerTensors layer(int index) {
      String layer = "model.layers." + index + ".";
      String attention = layer + "self_attn.";
      String mlp = layer + "mlp.";
      boolean qkv = config.qkvBias();
      return new LayerTensors(vector(layer + "input_layernorm.weight", hidden()),
          matrix(attention + "q_proj.weight", queries(), hidden()),
          bias(attention + "q_proj", qkv, queries()),
          matrix(attention + "k_proj.weight", keys(), hidden()),
          bias(attention + "k_proj", qkv, keys()),
          matrix(attention + "v_proj.weight", keys(), hidden()),
          bias(attention + "v_proj", qkv, keys()),
          matrix(attention + "o_proj.weight", hidden(), queries()),
          bias(attention + "o_proj", config.outputBias(), hidden()),
          headNorm(attention + "q_norm.weight"),
          headNorm(attention + "k_norm.weight"),
          vector(layer + "post_attention_layernorm.weight", hidden()),
          matrix(mlp + "gate_proj.weight", inner(), hidden()),
          bias(mlp + "gate_proj", config.mlpBias(), inner()),
          matrix(mlp + "up_proj.weight", inner(), hidden()),
          bias(mlp + "up_proj", config.mlpBias(), inner()),
          matrix(mlp + "down_proj.weight", hidden(), inner()),
          bias(mlp + "down_proj", config.mlpBias(), hidden()));
    }

    private TensorView lmHead(TensorView embedding) {
      if (!config.tieWordEmbeddings()) {
        return matrix(LM_HEAD, vocab(), hidden());
      }
      if (!directory.tensorNames().contains(LM_HEAD)) {
        return embedding;
      }
      TensorView own = matrix(LM_HEAD, vocab(), hidden());
      if (own.dtype() != embedding.dtype() || own.data().mismatch(embedding.data()) >= 0) {
        throw new InputException(own.file() + ": tensor " + Shown.quoted(LM_HEAD) + " differs from "
            + Shown.quoted(EMBEDDING)
            + ", but tie_word_embeddings in config.json is true; set it to false to use both");
      }
      return embedding;
    }

    private TensorView matrix(String name, Dimension outputs, Dimension inputs) {
      return directory.requireShape(name, outputs, inputs);
    }

    private TensorView vector(String name, Dimension size) {
      return directory.requireShape(name, size);
    }

    private @Nullable TensorView bias(String module, boolean present, Dimension size) {
      return present ? vector(module + ".bias", size) : null;
    }

    private @Nullable TensorView headNorm(String name) {
      return config.qkNorm() ? vector(name, new Dimension("head_dim", config.headDim())) : null;
    }

    private Dimension vocab() {
      return new Dimension("vocab_size", config.vocabSize());
    }

    private Dimension hidden() {
      return new Dimension("hidden_size", config.hiddenSize());
    }

    private Dimension inner() {
      return new Dimension("intermediate_size", config.intermediateSize());
    }

    private Dimension queries() {
      return new Dimension("num_attention_heads * head_dim",
          (long) config.heads() * config.headDim());
    }

    private Dimension keys() {
      return new Dimension("num_key_value_heads * head_dim",
          (long) config.kvHeads() * config.headDim());
    }

    private void refuseUnused() {
      for (String name : directory.tensorNames()) {
        Matcher layer = LAYER.matcher(name);
        if (layer.matches()) {
          int index = Integer.parseInt(layer.group(1));
          if (index >= config.layers()) {
            throw unused(name, "num_hidden_layers is " + config.layers());
          }
          String tensor = layer.group(2);
          if (KNOWN_IN_LAYER.matcher(tensor).matches() && !isUsed(tensor)) {
            throw unused(name, reason(tensor));
          }
        } else if (KNOWN_OUTSIDE.matcher(name).matches()
            && !Set.of(EMBEDDING, FINAL_NORM, LM_HEAD).contains(name)) {
          throw unused(name, reason(name));
        }
      }
    }

    private boolean isUsed(String tensor) {
      return switch (tensor) {
        case "self_attn.q_norm.weight", "self_attn.k_norm.weight" -> config.qkNorm();
        case "self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias" ->
          config.qkvBias();
        case "self_attn.o_proj.bias" -> config.outputBias();
        case "mlp.gate_proj.bias", "mlp.up_proj.bias", "mlp.down_proj.bias" -> config.mlpBias();
        default -> tensor.endsWith("_proj.weight") || tensor.endsWith("layernorm.weight");
      };
    }

    private String reason(String tensor) {
      return tensor.endsWith(".bias") || tensor.endsWith("_norm.weight")
          ? config.family().architecture() + " with this config.json has none"
          : "quantized weights are not supported, expected only F32, F16 or BF16";
    }

    private InputException unused(String name, String reason) {
      return new InputException(
          directory.path() + ": tensor " + Shown.quoted(name) + " is not expected: " + reason
              + "; config.json and the weights must come from the same unquantized model");
    }
  }
}
