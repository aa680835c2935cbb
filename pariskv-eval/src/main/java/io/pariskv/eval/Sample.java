package io.pariskv.eval;

import io.pariskv.text.ChatMessage;
import java.util.List;
import java.util.Map;

/**
 * One question to a model.
 *
 * @param id unique in its task, length and seed
 * @param messages what is prefilled, the chat template around it
 * @param answerPrefix begins the model's answer: follows the template's opening of the assistant's turn
 * @param question the end of the last message that can be fed through decode steps instead of prefill ({@link Protocol});
 *     empty if the task has none. It is part of the message
 * @param references right answers, as the task's grading takes them
 * @param maxTokens most tokens of the answer
 * @param sampling how tokens are drawn
 * @param labels what a report groups by, such as {@code depth}, {@code difficulty}; values are text or numbers
 */
public record Sample(String id, List<ChatMessage> messages, String answerPrefix, String question,
    List<String> references, int maxTokens, Drawing sampling, Map<String, Object> labels) {

  /** Copies the collections. */
  public Sample {
    messages = List.copyOf(messages);
    references = List.copyOf(references);
    labels = Map.copyOf(labels);
  }

  /**
   * How tokens are drawn.
   *
   * @param temperature 0 for the likeliest token
   * @param topP share of the probability that is kept, 1 for all
   * @param topK tokens that are kept, 0 for all
   * @param seed of the draws
   */
  public record Drawing(double temperature, double topP, int topK, long seed) {

    /** The likeliest token each time. */
    public static final Drawing GREEDY = new Drawing(0, 1, 0, 0);
  }
}
