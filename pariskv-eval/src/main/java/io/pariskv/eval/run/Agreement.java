package io.pariskv.eval.run;

import java.util.List;

/**
 * How an answer compares with full attention's, token by token.
 *
 * @param firstDifference index of the first token that differs; the number of tokens if none does
 * @param equalShare share of the longer answer's places that have equal tokens
 * @param tokens of the longer answer
 */
public record Agreement(int firstDifference, double equalShare, int tokens) {

  static Agreement of(List<Integer> full, List<Integer> other) {
    int shorter = Math.min(full.size(), other.size());
    int longer = Math.max(full.size(), other.size());
    int equal = 0;
    int first = -1;
    for (int i = 0; i < shorter; i++) {
      if (full.get(i).equals(other.get(i))) {
        equal++;
      } else if (first < 0) {
        first = i;
      }
    }
    return new Agreement(first < 0 ? shorter : first, longer == 0 ? 1 : (double) equal / longer,
        longer);
  }
}
