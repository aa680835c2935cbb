package io.pariskv.engine;

import io.pariskv.generate.ModelRunner;
import io.pariskv.generate.Sequence;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Places and memory for sequences: a request that begins has what others keep, as far as it needs it. */
final class Room {
  private final ModelRunner runner;
  private final PrefixCache kept;
  private final int places;
  private final int mostTokens;

  /**
   * @param places sequences, running and kept
   * @param mostTokens tokens of all of them
   */
  Room(ModelRunner runner, PrefixCache kept, int places, int mostTokens) {
    this.runner = runner;
    this.kept = kept;
    this.places = places;
    this.mostTokens = mostTokens;
  }

  /** A sequence for a request, with what a kept one has of the prompt already; null if it has to wait for {@code running}. */
  @Nullable
  Sequence sequenceFor(Request request, List<Running> running) {
    long used = running.stream().mapToLong(Running::room).sum();
    if (running.size() == places || used + request.mostTokens() > mostTokens) {
      return null;
    }
    Sequence match = kept.match(request.prompt());
    if (match != null && used + Math.max(request.mostTokens(), match.mostTokens()) > mostTokens) {
      match = null; // its memory, for more tokens than the prompt has, does not fit
    }
    while (!fits(request, match, used, running.size())) {
      Sequence oldest = kept.oldestBut(match);
      if (oldest == null) {
        throw new IllegalStateException(request.mostTokens() + " tokens beside " + used
            + " do not fit in room for " + mostTokens + " though nothing else is kept");
      }
      kept.drop(oldest);
    }
    return match == null ? runner.open() : cut(match, request);
  }

  private boolean fits(Request request, @Nullable Sequence match, long used, int running) {
    int matched = match == null ? 0 : match.mostTokens();
    return used + kept.room() - matched + Math.max(request.mostTokens(), matched) <= mostTokens
        && running + kept.size() + (match == null ? 1 : 0) <= places;
  }

  /** A kept sequence as far as it is a prompt's; a new one if there is no memory to summarise it anew. */
  private Sequence cut(Sequence match, Request request) {
    kept.take(match);
    try {
      // What is saved is exact, and needs no token chosen.
      match.reuse(request.prompt(), request.task() instanceof CacheTask.Save
          ? match.exactTokens()
          : request.prompt().length - 1);
      return match;
    } catch (OutOfMemoryError e) {
      match.close();
      return runner.open();
    }
  }
}
