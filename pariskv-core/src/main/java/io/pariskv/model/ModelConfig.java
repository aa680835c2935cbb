package io.pariskv.model;

import io.pariskv.memory.DType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The sizes and constants of a decoder-only transformer, as its {@code config.json} gives them.
 *
 * <p>A value that exists has been checked: sizes are positive and bounded so that any product of two of
 * them, times 4 bytes, fits in a {@code long}; heads divide into groups; every list has one entry a layer.
 * The constructor throws {@link IllegalArgumentException} naming the field as {@code config.json} spells
 * it, the number found and the number expected. Immutable.
 *
 * @param family            which of the supported architectures
 * @param vocabSize         rows of the embedding
 * @param hiddenSize        width of the residual stream
 * @param intermediateSize  width of the MLP
 * @param layers            number of decoder layers
 * @param heads             query heads a layer
 * @param kvHeads           key and value heads a layer; divides {@code heads}
 * @param headDim           size of one head; even, and not always {@code hiddenSize / heads}
 * @param rmsNormEps        added to the mean square in RMSNorm
 * @param maxPositions      {@code max_position_embeddings}; see {@link #positions}
 * @param tieWordEmbeddings whether the output projection is the embedding
 * @param qkvBias           whether the query, key and value projections have a bias
 * @param outputBias        whether the attention's output projection has a bias
 * @param mlpBias           whether the three MLP projections have a bias
 * @param qkNorm            whether each query and key head goes through RMSNorm before RoPE
 * @param ropeTheta         the base of the rotary embedding's wavelengths
 * @param ropeScaling       how the rotary embedding is stretched
 * @param slidingWindows    for each layer the number of latest positions a token sees, itself included; 0 = all
 * @param bosTokenId        the token that starts a sequence, or null
 * @param eosTokenIds       the tokens that end a generation; may be empty
 * @param dtype             the type the model was trained to compute in, or null if the file does not say
 */
public record ModelConfig(ModelFamily family, int vocabSize, int hiddenSize, int intermediateSize,
    int layers,
    int heads, int kvHeads, int headDim, float rmsNormEps, int maxPositions,
    boolean tieWordEmbeddings,
    boolean qkvBias, boolean outputBias, boolean mlpBias, boolean qkNorm, double ropeTheta,
    RopeScaling ropeScaling,
    List<Integer> slidingWindows, @Nullable Integer bosTokenId, List<Integer> eosTokenIds,
    @Nullable DType dtype) {

  /** Limit of {@link #layers}. */
  public static final int MAX_LAYERS = 1_000;
  /** Limit of {@link #headDim}. */
  public static final int MAX_HEAD_DIM = 4_096;
  /** Limit of {@link #heads}. */
  public static final int MAX_HEADS = 16_384;
  /** Limit of {@link #hiddenSize}, {@link #intermediateSize} and {@link #vocabSize}. */
  public static final int MAX_WIDTH = 1 << 24;

  public ModelConfig {
    checkRange("vocab_size", vocabSize, MAX_WIDTH);
    checkRange("hidden_size", hiddenSize, MAX_WIDTH);
    checkRange("intermediate_size", intermediateSize, MAX_WIDTH);
    checkRange("num_hidden_layers", layers, MAX_LAYERS);
    checkRange("num_attention_heads", heads, MAX_HEADS);
    checkRange("num_key_value_heads", kvHeads, MAX_HEADS);
    checkRange("head_dim", headDim, MAX_HEAD_DIM);
    checkRange("max_position_embeddings", maxPositions, Integer.MAX_VALUE);
    if (heads % kvHeads != 0) {
      throw new IllegalArgumentException("num_attention_heads is " + heads
          + ", expected a multiple of num_key_value_heads " + kvHeads);
    }
    if (headDim % 2 != 0) {
      throw new IllegalArgumentException(
          "head_dim is " + headDim + ", expected an even number: RoPE rotates pairs");
    }
    if (headDim == 2 && ropeScaling instanceof RopeScaling.Dynamic) {
      throw new IllegalArgumentException(
          "head_dim is 2, expected at least 4 for rope_type dynamic");
    }
    checkReal("rms_norm_eps", rmsNormEps, Float.MIN_NORMAL, 1);
    checkReal("rope_theta", ropeTheta, 1 + 1e-6, 1e30);
    slidingWindows = List.copyOf(slidingWindows);
    if (slidingWindows.size() != layers) {
      throw new IllegalArgumentException("layer_types has " + slidingWindows.size()
          + " entries, expected num_hidden_layers " + layers);
    }
    for (int window : slidingWindows) {
      if (window < 0) {
        throw new IllegalArgumentException(
            "sliding_window is " + window + ", expected a positive number or null");
      }
    }
    eosTokenIds = List.copyOf(eosTokenIds);
    for (int id : eosTokenIds) {
      checkToken("eos_token_id", id, vocabSize);
    }
    if (bosTokenId != null) {
      checkToken("bos_token_id", bosTokenId, vocabSize);
    }
  }

  /** Query heads that share one key and value head. */
  public int groupSize() {
    return heads / kvHeads;
  }

  /**
   * The longest sequence the model is meant for, in tokens: {@code max_position_embeddings}, or more where that is the
   * length before stretching. With {@code dynamic} it always is. With {@code yarn} models are published either way, but
   * with the original length beside it. With {@code linear} either way too, and nothing tells which: taken as it is.
   */
  public int positions() {
    return switch (ropeScaling) {
      case RopeScaling.Dynamic dynamic -> stretched(maxPositions, dynamic.factor());
      case RopeScaling.Yarn yarn ->
        Math.max(maxPositions, stretched(yarn.originalMaxPositions(), yarn.factor()));
      case RopeScaling.None _,RopeScaling.Linear _,RopeScaling.Llama3 _ -> maxPositions;
    };
  }

  private static int stretched(int positions, double factor) {
    return (int) Math.min(Integer.MAX_VALUE, positions * factor);
  }

  private static void checkRange(String field, int found, int max) {
    if (found < 1 || found > max) {
      throw new IllegalArgumentException(field + " is " + found + ", expected 1 to " + max);
    }
  }

  private static void checkReal(String field, double found, double min, double max) {
    if (!(found >= min && found <= max)) { // also refuses NaN
      throw new IllegalArgumentException(
          field + " is " + found + ", expected " + min + " to " + max);
    }
  }

  private static void checkToken(String field, int id, int vocabSize) {
    if (id < 0 || id >= vocabSize) {
      throw new IllegalArgumentException(field + " is " + id + ", expected 0 to " + (vocabSize - 1)
          + " (vocab_size is " + vocabSize + ")");
    }
  }
}
