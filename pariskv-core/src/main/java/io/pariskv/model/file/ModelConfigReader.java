package io.pariskv.model.file;

import io.pariskv.memory.DType;
import io.pariskv.model.ModelConfig;
import io.pariskv.model.ModelFamily;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code config.json} as transformers does, and refuses what this library would compute differently.
 *
 * <p>Sizes must be in the file; only fields that older versions of transformers left out have defaults,
 * and those are that library's own for the family.
 */
public final class ModelConfigReader {
  private static final int DEFAULT_SLIDING_WINDOW = 4_096;
  private static final int DEFAULT_MAX_WINDOW_LAYERS = 28;
  private static final int QWEN3_DEFAULT_HEAD_DIM = 128;
  private static final int MAX = Integer.MAX_VALUE;

  private final JsonFields config;
  private final ModelFamily family;

  private ModelConfigReader(JsonFields config) {
    this.config = config;
    this.family = family(config);
  }

  /**
   * Reads and checks a configuration.
   *
   * @param file       {@code config.json}
   * @param generation of the same directory; its end tokens win over those of {@code config.json}
   * @throws io.pariskv.error.InputException if the file cannot be read, the model is none this library runs,
   *                                         or a field is missing, malformed or contradicts another
   */
  public static ModelConfig read(Path file, GenerationConfig generation) {
    JsonFields config = new JsonFields(file, JsonFile.read(file, JsonFile.MAX_CONFIG_BYTES));
    ModelConfigReader reader = new ModelConfigReader(config);
    reader.refuseUnsupported();
    try {
      return reader.read(generation);
    } catch (IllegalArgumentException e) {
      throw config.error(e);
    }
  }

  private ModelConfig read(GenerationConfig generation) {
    int vocabSize = config.integer("vocab_size", 1, ModelConfig.MAX_WIDTH);
    int hiddenSize = config.integer("hidden_size", 1, ModelConfig.MAX_WIDTH);
    int intermediateSize = config.integer("intermediate_size", 1, ModelConfig.MAX_WIDTH);
    int layers = config.integer("num_hidden_layers", 1, ModelConfig.MAX_LAYERS);
    int heads = config.integer("num_attention_heads", 1, ModelConfig.MAX_HEADS);
    int kvHeads = config.integer("num_key_value_heads", 1, ModelConfig.MAX_HEADS, heads);
    float rmsNormEps = (float) config.number("rms_norm_eps", Float.MIN_NORMAL, 1);
    int maxPositions = config.integer("max_position_embeddings", 1, MAX);
    RopeReader.Rope rope = RopeReader.read(config, maxPositions);
    boolean biasByField = family == ModelFamily.LLAMA || family == ModelFamily.QWEN3;
    boolean outputBias = biasByField && config.flag("attention_bias", false);
    boolean qkvBias = outputBias || family == ModelFamily.QWEN2;
    boolean mlpBias = family == ModelFamily.LLAMA && config.flag("mlp_bias", false);
    boolean qkNorm = family == ModelFamily.QWEN3;
    boolean tied = config.flag("tie_word_embeddings", false);
    return new ModelConfig(family, vocabSize, hiddenSize, intermediateSize, layers, heads, kvHeads,
        headDim(hiddenSize, heads), rmsNormEps, maxPositions, tied, qkvBias, outputBias, mlpBias,
        qkNorm,
        rope.theta(), rope.scaling(), slidingWindows(layers), startToken(),
        endTokens(vocabSize, generation), dtype());
  }

  private static ModelFamily family(JsonFields config) {
    List<String> names = Objects.requireNonNullElse(config.textsOrNull("architectures"), List.of());
    ModelFamily family = names.size() == 1 ? ModelFamily.ofArchitecture(names.getFirst()) : null;
    if (family == null) {
      throw config.error("architectures",
          "is [" + Shown.plain(String.join(", ", names)) + "], expected one of "
              + ModelFamily.architectures(),
          "choose a model of one of these");
    }
    String type = config.textOrNull("model_type");
    if (type != null && !type.equals(family.modelType())) {
      throw config.error("model_type",
          "is " + Shown.quoted(type) + ", expected " + Shown.quoted(family.modelType())
              + " for " + family.architecture());
    }
    return family;
  }

  private void refuseUnsupported() {
    for (String field : List.of("quantization_config", "compression_config")) {
      if (config.has(field)) {
        throw config.error(field,
            "is set: quantized weights are not supported, expected F32, F16 or BF16",
            "download the unquantized model");
      }
    }
    String activation = config.textOrNull("hidden_act");
    if (activation != null && !activation.equals("silu")) {
      throw config.error("hidden_act", "is " + Shown.quoted(activation) + ", expected \"silu\"");
    }
  }

  private int headDim(int hiddenSize, int heads) {
    Integer given = config.integerOrNull("head_dim", 1, ModelConfig.MAX_HEAD_DIM);
    if (given != null) {
      return given;
    }
    if (family == ModelFamily.QWEN3) {
      return QWEN3_DEFAULT_HEAD_DIM;
    }
    if (hiddenSize % heads != 0) {
      throw config.error("hidden_size",
          "is " + hiddenSize + ", expected a multiple of num_attention_heads " + heads
              + " where head_dim is not given");
    }
    return hiddenSize / heads;
  }

  private List<Integer> slidingWindows(int layers) {
    return switch (family) {
      case LLAMA -> Collections.nCopies(layers, 0);
      case MISTRAL -> mistralWindows(layers);
      case QWEN2, QWEN3 -> qwenWindows(layers);
    };
  }

  /** One window for all layers. The family's default is a window, so only an explicit null turns it off. */
  private List<Integer> mistralWindows(int layers) {
    boolean off = config.isNull("sliding_window");
    int window = off ? 0 : config.integer("sliding_window", 1, MAX, DEFAULT_SLIDING_WINDOW);
    String uniform = off ? "full_attention" : "sliding_attention";
    List<String> types = config.textsOrNull("layer_types");
    if (types != null && !types.stream().allMatch(uniform::equals)) {
      throw config.error("layer_types",
          "does not say " + uniform + " for every layer, but sliding_window is "
              + (off ? "null" : window) + ": Mistral models have one kind of layer");
    }
    return Collections.nCopies(layers, window);
  }

  private List<Integer> qwenWindows(int layers) {
    boolean used = config.flag("use_sliding_window", false) && !config.isNull("sliding_window");
    int window = used ? config.integer("sliding_window", 1, MAX, DEFAULT_SLIDING_WINDOW) : 0;
    List<String> types = config.textsOrNull("layer_types");
    if (types == null) {
      int first = config.integer("max_window_layers", 0, MAX, DEFAULT_MAX_WINDOW_LAYERS);
      return IntStream.range(0, layers).mapToObj(layer -> layer >= first ? window : 0).toList();
    }
    return types.stream().map(type -> windowOfType(type, used, window)).toList();
  }

  private int windowOfType(String type, boolean used, int window) {
    return switch (type) {
      case "full_attention" -> 0;
      case "sliding_attention" -> {
        if (!used) {
          throw config.error("layer_types",
              "has sliding_attention, but use_sliding_window is false or sliding_window is"
                  + " null",
              "correct one of them");
        }
        yield window;
      }
      default -> throw config.error("layer_types", "has " + Shown.quoted(type)
          + ", expected full_attention or sliding_attention");
    };
  }

  /** Those of generation_config.json if it has any. */
  private List<Integer> endTokens(int vocabSize, GenerationConfig generation) {
    for (int id : generation.eosTokenIds()) {
      if (id >= vocabSize) {
        throw config.error("vocab_size",
            "is " + vocabSize + ", expected more than eos_token_id " + id
                + " of generation_config.json",
            "the two files must come from the same model");
      }
    }
    if (!generation.eosTokenIds().isEmpty()) {
      return generation.eosTokenIds();
    }
    boolean byDefault = !config.isNull("eos_token_id") && hasDefaultTokens();
    return config.integers("eos_token_id", 0, MAX, byDefault ? List.of(2) : List.of());
  }

  private boolean hasDefaultTokens() {
    return family == ModelFamily.LLAMA || family == ModelFamily.MISTRAL;
  }

  private @Nullable Integer startToken() {
    boolean byDefault = !config.isNull("bos_token_id") && hasDefaultTokens();
    List<Integer> ids = config.integers("bos_token_id", 0, MAX, byDefault ? List.of(1) : List.of());
    if (ids.size() > 1) {
      throw config.error("bos_token_id", "has " + ids.size() + " tokens, expected one or null");
    }
    return ids.isEmpty() ? null : ids.getFirst();
  }

  private @Nullable DType dtype() {
    String field = config.has("dtype") ? "dtype" : "torch_dtype";
    String name = config.textOrNull(field);
    if (name == null) {
      return null;
    }
    return switch (name) {
      case "float32" -> DType.F32;
      case "float16" -> DType.F16;
      case "bfloat16" -> DType.BF16;
      default -> throw config.error(field,
          "is " + Shown.quoted(name) + ", expected float32, float16 or bfloat16");
    };
  }
}
