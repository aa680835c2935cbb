package io.pariskv.model;

import io.pariskv.error.InputException;
import io.pariskv.memory.DType;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The sizes of well-known models, for benchmarks with random weights. Positions are not limited and RoPE is
 * not stretched: neither changes what a step costs.
 */
public final class ModelShapes {
  private static final int POSITIONS = 1 << 21;

  private static final Map<String, ModelConfig> SHAPES = new TreeMap<>(Map.of(
      "llama-3.1-8b", llama(4096, 14336, 32, 32, 128, false),
      "llama-3.2-3b", llama(3072, 8192, 28, 24, 128, true),
      "llama-3.2-1b", llama(2048, 8192, 16, 32, 64, true),
      "qwen3-8b", qwen3(151_936, 4096, 12288, 36, 32, 8, false),
      "qwen3-4b", qwen3(151_936, 2560, 9728, 36, 32, 8, true),
      "recall-12m", qwen3(2345, 384, 768, 6, 8, 2, true)));

  private ModelShapes() {
  }

  /** All names. */
  public static List<String> names() {
    return List.copyOf(SHAPES.keySet());
  }

  /**
   * The shape of that name.
   *
   * @throws InputException with the names there are
   */
  public static ModelConfig named(String name) {
    ModelConfig shape = SHAPES.get(name);
    if (shape == null) {
      throw new InputException(
          "shape '" + name + "' is not known; choose one of " + String.join(", ", names()));
    }
    return shape;
  }

  private static ModelConfig llama(int hidden, int intermediate, int layers, int heads,
      int headDim, boolean tied) {
    return config(ModelFamily.LLAMA, 128_256, hidden, intermediate, layers, heads, 8, headDim, tied,
        500_000);
  }

  private static ModelConfig qwen3(int vocabulary, int hidden, int intermediate, int layers,
      int heads, int kvHeads, boolean tied) {
    return config(ModelFamily.QWEN3, vocabulary, hidden, intermediate, layers, heads, kvHeads, 128,
        tied, 1_000_000);
  }

  private static ModelConfig config(ModelFamily family, int vocabulary, int hidden,
      int intermediate, int layers, int heads, int kvHeads, int headDim, boolean tied,
      double theta) {
    return new ModelConfig(family, vocabulary, hidden, intermediate, layers, heads, kvHeads,
        headDim, 1e-6f, POSITIONS, tied, false, false, false, family == ModelFamily.QWEN3, theta,
        new RopeScaling.None(), Collections.nCopies(layers, 0), null, List.of(), DType.BF16);
  }
}
