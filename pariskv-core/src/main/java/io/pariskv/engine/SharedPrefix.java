package io.pariskv.engine;

import io.pariskv.generate.Sequence;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Another sequence that begins as a prompt does: a request copies what that one has, and waits for what it will have,
 * rather than computing it anew.
 *
 * @param source whose tokens are copied
 * @param ready tokens of the prompt that it has
 * @param shared tokens of the prompt that it has or will have, when its own prompt is read
 */
record SharedPrefix(Sequence source, int ready, int shared) {

  /**
   * The sequence that saves a prompt most, null if none is worth it. Nobody waits for one that came later, so somebody
   * always goes on.
   *
   * @param running all that have a place, this one too
   * @param least tokens worth copying or waiting for
   */
  static @Nullable SharedPrefix of(Running request, List<Running> running, List<Sequence> kept,
      int least) {
    int[] prompt = request.request().prompt();
    SharedPrefix best = null;
    for (Running other : running) {
      if (other.isBefore(request)) {
        int shared = other.request().commonPrefix(prompt);
        best = better(best, new SharedPrefix(other.sequence(),
            Math.min(shared, other.sequence().length()), shared));
      }
    }
    for (Sequence sequence : kept) {
      int shared = sequence.commonPrefix(prompt);
      best = better(best, new SharedPrefix(sequence, shared, shared));
    }
    int last = prompt.length - 1; // which is computed in any case, for what follows it
    return best != null && Math.min(best.shared, last) - request.sequence().length() >= least
        ? new SharedPrefix(best.source, Math.min(best.ready, last), best.shared)
        : null;
  }

  private static SharedPrefix better(@Nullable SharedPrefix a, SharedPrefix b) {
    return a == null || b.shared > a.shared || b.shared == a.shared && b.ready > a.ready ? b : a;
  }
}
