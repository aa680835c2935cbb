package io.pariskv.eval.run;

import io.pariskv.eval.probe.RetrievalPoint;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One sample answered through one method.
 *
 * @param cell which cell it counts in
 * @param id unique in its cell
 * @param prompt what was asked
 * @param outcome what came of it
 * @param cost what it cost; null if it failed
 * @param agreement with full attention, if that is among the methods and both wrote something
 * @param retrieval what a probe saw, a step after another; empty without a probe
 * @param origin what it was measured with
 */
public record SampleLine(Cell cell, String id, Prompt prompt, Outcome outcome, @Nullable Cost cost,
    @Nullable Agreement agreement, List<RetrievalPoint> retrieval, Origin origin) implements Line {

  /** Refuses a line without its parts. */
  public SampleLine {
    requireAll(cell, id, prompt, outcome, retrieval, origin);
  }

  private static void requireAll(@Nullable Object... parts) {
    if (Stream.of(parts).anyMatch(Objects::isNull)) {
      throw new IllegalArgumentException("a part of the sample is missing");
    }
  }

  /**
   * What was asked.
   *
   * @param seed of the run
   * @param tokens of the prompt with template, question and answer prefix
   * @param fedTokens those of its end that went through decode steps
   * @param labels the task's, to group by
   * @param references the right answers
   */
  public record Prompt(long seed, int tokens, int fedTokens, Map<String, Object> labels,
      List<String> references) {

    /** Refuses a prompt without its parts. */
    public Prompt {
      requireAll(labels, references);
    }
  }

  /**
   * What the model wrote, and what it is worth.
   *
   * @param score from 0 to 1; null where a task only measures
   * @param parsed whether an answer could be made out
   * @param finished whether the model ended its turn
   * @param measures what else was counted
   * @param prediction the text
   * @param tokens ids of the text and the end of turn
   * @param error why there is no answer; such a sample counts as wrong
   */
  public record Outcome(@Nullable Double score, boolean parsed, boolean finished,
      Map<String, Double> measures, String prediction, List<Integer> tokens,
      @Nullable String error) {

    /** Refuses a score that is not from 0 to 1. */
    public Outcome {
      if (score != null && !(score >= 0 && score <= 1)) {
        throw new IllegalArgumentException("score " + score + " is not from 0 to 1");
      }
      requireAll(measures, prediction, tokens);
    }

    /** The same with more measures. */
    Outcome with(Map<String, Double> more) {
      Map<String, Double> all = new HashMap<>(measures);
      all.putAll(more);
      return new Outcome(score, parsed, finished, all, prediction, tokens, error);
    }

    /** A sample that could not be answered. */
    static Outcome failed(boolean scored, String error) {
      return new Outcome(scored ? 0.0 : null, false, false, Map.of(), "", List.of(), error);
    }
  }

  /**
   * What an answer cost.
   *
   * @param attendedTokens tokens that a decode step attended, mean over steps and layers
   * @param heldTokens tokens in the cache at the end
   * @param kvBytesPerToken bytes of K and V that a decode step read, mean
   * @param summaryBytesPerToken bytes of summaries that a decode step read, mean
   * @param summaryBytes bytes of summaries and scratch memory held
   * @param prefillSeconds of the prompt without the tokens that are fed; shared by all methods
   * @param indexSeconds for the method to summarise the keys that were there
   * @param firstTokenSeconds from then to the first token of the answer: the fed tokens
   * @param millisPerToken of a decode step of the answer, mean; 0 without steps
   */
  public record Cost(double attendedTokens, int heldTokens, double kvBytesPerToken,
      double summaryBytesPerToken, long summaryBytes, double prefillSeconds, double indexSeconds,
      double firstTokenSeconds, double millisPerToken) {

    /** Bytes that a decode step read. */
    public double bytesPerToken() {
      return kvBytesPerToken + summaryBytesPerToken;
    }

    /** These costs with the time of what went before. */
    Cost after(double prefill, double index) {
      return new Cost(attendedTokens, heldTokens, kvBytesPerToken, summaryBytesPerToken,
          summaryBytes, prefill, index, firstTokenSeconds, millisPerToken);
    }
  }

  /**
   * What a sample was measured with.
   *
   * @param model its name
   * @param modelSha256 of its files, the weights of large models sampled: {@link ModelFingerprint}
   * @param backend where it ran
   * @param version of this program
   */
  public record Origin(String model, String modelSha256, String backend, String version) {
  }

  /** Whether the sample failed. */
  public boolean failed() {
    return outcome.error() != null;
  }
}
