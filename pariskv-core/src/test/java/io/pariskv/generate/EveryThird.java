package io.pariskv.generate;

import io.pariskv.constrain.Constraint;

/**
 * Token ids that leave the same rest when divided by three, so many of them, then the end.
 *
 * @param rest 0 to 2
 * @param length tokens before the end
 * @param end id of the token that ends a turn
 * @param vocabulary all ids
 */
public record EveryThird(int rest, int length, int end, int vocabulary) implements Constraint {

  @Override
  public Progress start() {
    return new Progress() {
      private int count;

      @Override
      public void forbid(int[] forbidden) {
        for (int id = 0; id < vocabulary; id++) {
          if (!follows(id)) {
            forbidden[id >> 5] |= 1 << (id & 31);
          }
        }
      }

      @Override
      public void accept(int token) {
        if (!follows(token)) {
          throw new IllegalArgumentException("token " + token + " may not follow");
        }
        count++;
      }

      private boolean follows(int id) {
        return count < length ? id % 3 == rest && id != end : id == end;
      }
    };
  }
}
