package io.pariskv.generate;

import java.util.ArrayList;
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

  /**
   * Of one step.
   *
   * @param logits of all tokens; NaN counts as negative infinity
   * @param token the chosen one
   * @param top how many others to tell
   */
  static TokenLogprobs of(float[] logits, int token, int top) {
    double offset = logOfSum(logits);
    List<Candidate> best = new ArrayList<>();
    for (int id = 0; id < logits.length && top > 0; id++) {
      double logprob = orLeast(logits[id]) - offset;
      if (best.size() == top) {
        if (!(logprob > best.getLast().logprob())) {
          continue;
        }
        best.removeLast();
      }
      int at = best.size();
      while (at > 0 && logprob > best.get(at - 1).logprob()) {
        at--;
      }
      best.add(at, new Candidate(id, logprob));
    }
    return new TokenLogprobs(token, orLeast(logits[token]) - offset, best);
  }

  /** The logarithm of the sum of the exponentials. */
  static double logOfSum(float[] logits) {
    double max = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      max = Math.max(max, orLeast(logit));
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(orLeast(logit) - max);
    }
    return max + Math.log(sum);
  }

  private static double orLeast(float logit) {
    return Float.isNaN(logit) ? Double.NEGATIVE_INFINITY : logit;
  }
}
