package io.pariskv.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a model stretches its rotary position embedding beyond the length it was first trained on.
 *
 * <p>One record for each {@code rope_type} of Hugging Face; the component names are its fields. The
 * formulas are in {@link RopeFrequencies}. Constructors throw {@link IllegalArgumentException} with the
 * field, the number found and the range expected.
 */
public sealed interface RopeScaling {
  /** The supported values of {@code rope_type}, for messages. */
  List<String> TYPES = List.of("default", "linear", "dynamic", "llama3", "yarn");

  /** Largest stretch accepted; no model comes near. */
  double MAX_FACTOR = 1e6;

  /** {@code default}: no stretching. */
  record None() implements RopeScaling {
  }

  /** {@code linear}: every frequency divided by {@code factor}. */
  record Linear(double factor) implements RopeScaling {
    public Linear {
      checkFactor(factor);
    }
  }

  /** {@code dynamic}: NTK scaling; the base grows with the sequence once it exceeds the trained length. */
  record Dynamic(double factor) implements RopeScaling {
    public Dynamic {
      checkFactor(factor);
    }
  }

  /** {@code llama3}: low frequencies divided by {@code factor}, high ones kept, a ramp between. */
  record Llama3(double factor, double lowFreqFactor, double highFreqFactor,
      int originalMaxPositions) implements RopeScaling {
    public Llama3 {
      checkFactor(factor);
      checkRange("low_freq_factor", lowFreqFactor, Float.MIN_NORMAL, MAX_FACTOR);
      checkRange("high_freq_factor", highFreqFactor, Float.MIN_NORMAL, MAX_FACTOR);
      checkRange("original_max_position_embeddings", originalMaxPositions, 1, Integer.MAX_VALUE);
      if (lowFreqFactor >= highFreqFactor) {
        throw new IllegalArgumentException(
            "low_freq_factor is " + lowFreqFactor + ", expected less than high_freq_factor "
                + highFreqFactor);
      }
    }
  }

  /**
   * {@code yarn}: as {@link Llama3} but with a ramp over dimensions, and a scale on the attention.
   *
   * @param attentionFactor the scale on cosine and sine, or null to derive it from the others
   * @param mscale          used only together with {@code mscaleAllDim}; null or 0 if unset
   * @param truncate        whether the ends of the ramp are rounded to whole dimensions
   */
  record Yarn(double factor, int originalMaxPositions, @Nullable Double attentionFactor,
      double betaFast,
      double betaSlow, @Nullable Double mscale, @Nullable Double mscaleAllDim,
      boolean truncate) implements RopeScaling {
    public Yarn {
      checkFactor(factor);
      checkRange("original_max_position_embeddings", originalMaxPositions, 1, Integer.MAX_VALUE);
      if (attentionFactor != null) {
        checkRange("attention_factor", attentionFactor, Float.MIN_NORMAL, MAX_FACTOR);
      }
      checkRange("beta_fast", betaFast, Float.MIN_NORMAL, MAX_FACTOR);
      checkRange("beta_slow", betaSlow, Float.MIN_NORMAL, MAX_FACTOR);
      if (betaFast < betaSlow) {
        throw new IllegalArgumentException(
            "beta_fast is " + betaFast + ", expected at least beta_slow " + betaSlow);
      }
      checkRange("mscale", mscale == null ? 0 : mscale, 0, MAX_FACTOR);
      checkRange("mscale_all_dim", mscaleAllDim == null ? 0 : mscaleAllDim, 0, MAX_FACTOR);
    }
  }

  private static void checkFactor(double factor) {
    checkRange("factor", factor, 1, MAX_FACTOR);
  }

  private static void checkRange(String field, double found, double min, double max) {
    if (!(found >= min && found <= max)) { // also refuses NaN
      throw new IllegalArgumentException(
          field + " is " + found + ", expected " + min + " to " + max);
    }
  }
}
