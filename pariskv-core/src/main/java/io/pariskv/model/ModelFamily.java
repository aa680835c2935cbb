package io.pariskv.model;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The decoder families this library runs, named as {@code config.json} names them. */
public enum ModelFamily {
  /** Llama 2 and 3, and the many models of the same structure. */
  LLAMA("LlamaForCausalLM", "llama"),
  /** As Llama, with a sliding window on all layers in some versions. */
  MISTRAL("MistralForCausalLM", "mistral"),
  /** As Llama, with a bias on queries, keys and values. */
  QWEN2("Qwen2ForCausalLM", "qwen2"),
  /** As Llama, with RMSNorm on each query and key head. */
  QWEN3("Qwen3ForCausalLM", "qwen3");

  private final String architecture;
  private final String modelType;

  ModelFamily(String architecture, String modelType) {
    this.architecture = architecture;
    this.modelType = modelType;
  }

  /** The entry of {@code architectures}, such as {@code LlamaForCausalLM}. */
  public String architecture() {
    return architecture;
  }

  /** The value of {@code model_type}, such as {@code llama}. */
  public String modelType() {
    return modelType;
  }

  /** The family that {@code config.json} names in {@code architectures}, or null if there is none. */
  public static @Nullable ModelFamily ofArchitecture(String name) {
    for (ModelFamily family : values()) {
      if (family.architecture.equals(name)) {
        return family;
      }
    }
    return null;
  }

  /** All supported entries of {@code architectures}, for messages. */
  public static List<String> architectures() {
    return Arrays.stream(values()).map(ModelFamily::architecture).toList();
  }
}
