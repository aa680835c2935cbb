package io.pariskv.generate;

import java.util.List;

/**
 * How probable a chosen token was, and which others were: natural logarithms of the probabilities that the model gives, the
 * softmax of its logits, before penalties, temperature and constraints.
 *
 * @param token id of the chosen token
 * @param logprob of it
 * @param top the most probable tokens, the most probable first, ties by lower id; as many as were asked for
 */
public record TokenLogprobs(int token, double logprob, List<Candidate> top) {

  /** Copies the list. */
  public TokenLogprobs {
    top = List.copyOf(top);
  }

  /**
   * A token that could have been chosen.
   *
   * @param token its id
   * @param logprob of it
   */
  public record Candidate(int token, double logprob) {
  }
}
