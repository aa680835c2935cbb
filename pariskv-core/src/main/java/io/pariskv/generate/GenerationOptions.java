package io.pariskv.generate;

import io.pariskv.constrain.Constraint;
import io.pariskv.error.InputException;
import io.pariskv.model.file.GenerationConfig;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How to sample, and when to end. See {@link io.pariskv.layer.TokenSampler} for the order in which the
 * filters apply.
 *
 * @param maxTokens most new tokens, at least 1
 * @param temperature 0 for greedy
 * @param topP share of the probability kept, above 0 to 1; 1 keeps all
 * @param topK tokens kept; 0 keeps all
 * @param minP least probability kept, as a share of the largest, 0 to 1
 * @param repetitionPenalty divides the logits of tokens already seen; 1 changes nothing
 * @param seed of the random numbers; the same seed gives the same text
 * @param stop strings that end the text; they are cut off
 * @param ignoreEos whether to go on after an end-of-turn token
 * @param constraint what the answer must be; null for anything
 * @param logprobs how many of the most probable tokens to tell beside each chosen one, with {@linkplain TokenLogprobs their
 *     probabilities}: 0 for the chosen alone, {@link #NO_LOGPROBS} for nothing
 */
public record GenerationOptions(int maxTokens, float temperature, float topP, int topK, float minP,
    float repetitionPenalty, long seed, List<String> stop, boolean ignoreEos,
    @Nullable Constraint constraint, int logprobs) {
  /** No probabilities are told. */
  public static final int NO_LOGPROBS = -1;

  /** Most tokens that can be told beside the chosen one. */
  public static final int MOST_LOGPROBS = 100;

  /** Checks the ranges; the message names the setting as the command line does, the number and the range. */
  public GenerationOptions {
    require(maxTokens >= 1, "max-tokens", maxTokens, "at least 1");
    require(temperature >= 0 && Float.isFinite(temperature), "temperature", temperature,
        "at least 0");
    require(topP > 0 && topP <= 1, "top-p", topP, "above 0 and at most 1");
    require(topK >= 0, "top-k", topK, "at least 0");
    require(minP >= 0 && minP <= 1, "min-p", minP, "from 0 to 1");
    require(repetitionPenalty > 0 && Float.isFinite(repetitionPenalty), "repetition-penalty",
        repetitionPenalty, "above 0");
    stop = List.copyOf(stop);
    if (stop.contains("")) {
      throw new InputException("stop must not be empty; leave it out, or give some text");
    }
    require(logprobs >= NO_LOGPROBS && logprobs <= MOST_LOGPROBS, "logprobs", logprobs,
        "from 0 to " + MOST_LOGPROBS);
    if (constraint != null && ignoreEos) {
      throw new InputException(
          "ignore-eos goes on after a constrained answer is complete; leave one of them out");
    }
  }

  private static void require(boolean holds, String name, Number value, String range) {
    if (!holds) {
      throw new InputException(name + " " + value + " must be " + range);
    }
  }

  /** The most probable token each time, up to {@code maxTokens}. */
  public static GenerationOptions greedy(int maxTokens) {
    return new GenerationOptions(maxTokens, 0, 1, 0, 0, 1, 0, List.of(), false, null, NO_LOGPROBS);
  }

  /**
   * What the model's authors propose in {@code generation_config.json}; greedy where they do not sample.
   */
  public static GenerationOptions proposed(GenerationConfig config, int maxTokens) {
    GenerationOptions greedy = greedy(maxTokens);
    float penalty = orElse(config.repetitionPenalty(), 1);
    if (!Boolean.TRUE.equals(config.doSample())) {
      return greedy.withRepetitionPenalty(penalty);
    }
    Integer topK = config.topK();
    return new GenerationOptions(maxTokens, orElse(config.temperature(), 1),
        orElse(config.topP(), 1), topK == null ? 0 : topK, orElse(config.minP(), 0), penalty, 0,
        List.of(), false, null, NO_LOGPROBS);
  }

  private static float orElse(@Nullable Double value, float otherwise) {
    return value == null ? otherwise : value.floatValue();
  }

  /** These options with another limit. */
  public GenerationOptions withMaxTokens(int value) {
    return new GenerationOptions(value, temperature, topP, topK, minP, repetitionPenalty, seed,
        stop, ignoreEos, constraint, logprobs);
  }

  /** These options with another temperature. */
  public GenerationOptions withTemperature(float value) {
    return new GenerationOptions(maxTokens, value, topP, topK, minP, repetitionPenalty, seed, stop,
        ignoreEos, constraint, logprobs);
  }

  /** These options with another top p. */
  public GenerationOptions withTopP(float value) {
    return new GenerationOptions(maxTokens, temperature, value, topK, minP, repetitionPenalty, seed,
        stop, ignoreEos, constraint, logprobs);
  }

  /** These options with another top k. */
  public GenerationOptions withTopK(int value) {
    return new GenerationOptions(maxTokens, temperature, topP, value, minP, repetitionPenalty, seed,
        stop, ignoreEos, constraint, logprobs);
  }

  /** These options with another min p. */
  public GenerationOptions withMinP(float value) {
    return new GenerationOptions(maxTokens, temperature, topP, topK, value, repetitionPenalty, seed,
        stop, ignoreEos, constraint, logprobs);
  }

  /** These options with another repetition penalty. */
  public GenerationOptions withRepetitionPenalty(float value) {
    return new GenerationOptions(maxTokens, temperature, topP, topK, minP, value, seed, stop,
        ignoreEos, constraint, logprobs);
  }

  /** These options with another seed. */
  public GenerationOptions withSeed(long value) {
    return new GenerationOptions(maxTokens, temperature, topP, topK, minP, repetitionPenalty, value,
        stop, ignoreEos, constraint, logprobs);
  }

  /** These options with other stop strings. */
  public GenerationOptions withStop(List<String> value) {
    return new GenerationOptions(maxTokens, temperature, topP, topK, minP, repetitionPenalty, seed,
        value, ignoreEos, constraint, logprobs);
  }

  /** These options going on after an end-of-turn token, or not. */
  public GenerationOptions withIgnoreEos(boolean value) {
    return new GenerationOptions(maxTokens, temperature, topP, topK, minP, repetitionPenalty, seed,
        stop, value, constraint, logprobs);
  }

  /**
   * These options with an answer that must be so, or of any form if null.
   *
   * {@snippet file="Constrain.java" region="example"}
   */
  public GenerationOptions withConstraint(@Nullable Constraint value) {
    return new GenerationOptions(maxTokens, temperature, topP, topK, minP, repetitionPenalty, seed,
        stop, ignoreEos, value, logprobs);
  }

  /** These options with probabilities of so many tokens beside each chosen one. */
  public GenerationOptions withLogprobs(int value) {
    return new GenerationOptions(maxTokens, temperature, topP, topK, minP, repetitionPenalty, seed,
        stop, ignoreEos, constraint, value);
  }
}
