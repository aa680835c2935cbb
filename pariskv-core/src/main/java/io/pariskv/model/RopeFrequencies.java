package io.pariskv.model;

/**
 * The angle by which RoPE turns each pair of a head's dimensions from one position to the next.
 *
 * <p>At position {@code p}, pair {@code i} is rotated by {@code p * inverseFrequencies[i]}, and cosine and
 * sine are multiplied by {@link #attentionScale}. Pair {@code i} is dimensions {@code i} and
 * {@code i + headDim / 2}, as in the models' published code.
 *
 * <p>Immutable and thread-safe. Cost of {@link #inverseFrequencies}: {@code headDim / 2} powers for
 * dynamic scaling, a copy otherwise.
 */
public final class RopeFrequencies {
  /*
   * Arithmetic. The models were trained and are published with frequencies computed in single precision, and at
   * position 100,000 an error of one unit in the last place already turns a pair by 0.01 radian. So each operation
   * below is rounded to float where the reference (PyTorch, Hugging Face transformers 5) rounds, including its
   * "number / tensor", which is a rounded reciprocal times the number. Only pow is taken in double and rounded once.
   *
   * [1] RoPE, arXiv 2104.09864. [2] NTK-aware and dynamic scaling, and YaRN, arXiv 2309.00071.
   * [3] Llama 3, arXiv 2407.21783, and its published code for the ramp.
   */
  private final int headDim;
  private final double theta;
  private final int maxPositions;
  private final RopeScaling scaling;
  private final float[] frequencies;

  /** The frequencies of one model. */
  public RopeFrequencies(ModelConfig config) {
    headDim = config.headDim();
    theta = config.ropeTheta();
    maxPositions = config.maxPositions();
    scaling = config.ropeScaling();
    float[] plain = plain(theta);
    frequencies = switch (scaling) {
      case RopeScaling.None none -> plain;
      case RopeScaling.Dynamic dynamic -> plain;
      case RopeScaling.Linear linear -> linear(plain, linear);
      case RopeScaling.Llama3 llama3 -> llama3(plain, llama3);
      case RopeScaling.Yarn yarn -> yarn(yarn);
    };
  }

  /**
   * The frequencies for a sequence.
   *
   * <p>Only dynamic scaling looks at the length: beyond {@code max_position_embeddings} the whole table
   * changes with every token. Keys that were rotated at a shorter length keep their old rotation, here as
   * in the reference.
   *
   * @param sequenceLength tokens so far, the current one included; not negative
   * @return {@code [headDim / 2] f32}, radians a position; the caller's own copy
   */
  public float[] inverseFrequencies(int sequenceLength) {
    if (sequenceLength < 0) {
      throw new IllegalArgumentException(
          "sequenceLength is " + sequenceLength + ", expected 0 or more");
    }
    if (scaling instanceof RopeScaling.Dynamic dynamic && sequenceLength > maxPositions) {
      return plain(dynamicBase(dynamic, sequenceLength));
    }
    return frequencies.clone();
  }

  /** Whether {@link #inverseFrequencies} depends on the length given to it. */
  public boolean dependsOnLength() {
    return scaling instanceof RopeScaling.Dynamic;
  }

  /** The number that cosine and sine are multiplied by; 1 except for YaRN. */
  public float attentionScale() {
    return scaling instanceof RopeScaling.Yarn yarn ? (float) attentionFactor(yarn) : 1f;
  }

  /** base^(2i / headDim) for each pair. */
  private float[] wavelengths(double base) {
    float[] result = new float[headDim / 2];
    for (int i = 0; i < result.length; i++) {
      float exponent = (float) (2 * i) / headDim;
      result[i] = (float) Math.pow((float) base, exponent);
    }
    return result;
  }

  private float[] plain(double base) {
    float[] result = wavelengths(base);
    for (int i = 0; i < result.length; i++) {
      result[i] = 1f / result[i];
    }
    return result;
  }

  private static float[] linear(float[] plain, RopeScaling.Linear linear) {
    float[] result = new float[plain.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = plain[i] / (float) linear.factor();
    }
    return result;
  }

  /** The base that a longer sequence is given: theta * (factor * length / max - (factor - 1))^(d / (d - 2)). */
  private float dynamicBase(RopeScaling.Dynamic dynamic, int sequenceLength) {
    float stretch = (float) dynamic.factor() * sequenceLength / maxPositions
        - (float) (dynamic.factor() - 1);
    float power = (float) ((double) headDim / (headDim - 2));
    return (float) Math.pow(stretch, power) * (float) theta;
  }

  private static float[] llama3(float[] plain, RopeScaling.Llama3 llama3) {
    int original = llama3.originalMaxPositions();
    float factor = (float) llama3.factor();
    float low = (float) llama3.lowFreqFactor();
    float span = (float) (llama3.highFreqFactor() - llama3.lowFreqFactor());
    float longest = (float) (original / llama3.lowFreqFactor());
    float shortest = (float) (original / llama3.highFreqFactor());
    float[] result = new float[plain.length];
    for (int i = 0; i < result.length; i++) {
      float wavelength = 1f / plain[i] * (float) (2 * Math.PI);
      if (wavelength > longest) {
        result[i] = plain[i] / factor;
      } else if (wavelength < shortest) {
        result[i] = plain[i];
      } else {
        float smooth = (1f / wavelength * original - low) / span;
        result[i] = (1f - smooth) * plain[i] / factor + smooth * plain[i];
      }
    }
    return result;
  }

  private float[] yarn(RopeScaling.Yarn yarn) {
    double first = yarnDimension(yarn, yarn.betaFast());
    double last = yarnDimension(yarn, yarn.betaSlow());
    if (yarn.truncate()) {
      first = Math.floor(first);
      last = Math.ceil(last);
    }
    first = Math.max(first, 0);
    last = Math.min(last, headDim - 1);
    if (first == last) {
      last += 0.001; // the reference's guard against a ramp of no length
    }
    float[] result = wavelengths(theta);
    for (int i = 0; i < result.length; i++) {
      float ramp = Math.clamp((i - (float) first) / (float) (last - first), 0f, 1f);
      float keep = 1f - ramp;
      float kept = 1f / result[i];
      float stretched = 1f / ((float) yarn.factor() * result[i]);
      result[i] = stretched * (1f - keep) + kept * keep;
    }
    return result;
  }

  /** The dimension that turns {@code rotations} times over the original length. */
  private double yarnDimension(RopeScaling.Yarn yarn, double rotations) {
    double turns = yarn.originalMaxPositions() / (rotations * 2 * Math.PI);
    return headDim * Math.log(turns) / (2 * Math.log(theta));
  }

  private static double attentionFactor(RopeScaling.Yarn yarn) {
    Double given = yarn.attentionFactor();
    if (given != null) {
      return given;
    }
    Double mscale = yarn.mscale();
    Double allDim = yarn.mscaleAllDim();
    if (mscale != null && mscale != 0 && allDim != null && allDim != 0) {
      return yarnScale(yarn.factor(), mscale) / yarnScale(yarn.factor(), allDim);
    }
    return yarnScale(yarn.factor(), 1);
  }

  private static double yarnScale(double factor, double mscale) {
    return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
  }
}
