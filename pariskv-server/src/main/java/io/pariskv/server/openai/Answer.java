package io.pariskv.server.openai;

import io.pariskv.engine.EngineListener;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.TokenLogprobs;
import io.pariskv.server.metrics.RequestTimes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Takes an answer from the engine's thread to that of the request. The engine's never waits: what the client has not taken
 * yet is kept, which is at most the answer's text.
 */
final class Answer implements EngineListener {
  /** What the engine tells. */
  sealed interface Event {
    /**
     * A token that was chosen.
     *
     * @param text what it adds to the text; may be empty
     * @param logprobs how probable it was, if the client asked
     */
    record Token(String text, @Nullable TokenLogprobs logprobs) implements Event {
    }

    /** The last of all: the answer is complete. */
    record Ended(GenerationResult result) implements Event {
    }

    /** The last of all, in its place: the answer was cancelled. */
    record Cut(GenerationResult result) implements Event {
    }

    /** The last of all, in its place. */
    record Failed(Exception failure) implements Event {
    }
  }

  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private final long arrivedAt;
  private final boolean pieces;
  private final DoubleConsumer interToken;
  /* Of the next token. */
  private @Nullable TokenLogprobs logprobs;
  /* Written by the engine's thread, read by the other after the last event. */
  private final List<Event.Token> kept = new ArrayList<>();

  // Written by the engine's thread, read by the other after the last event.
  private volatile long prefillAt;
  private volatile long firstTokenAt;
  private volatile long lastTokenAt;

  /**
   * @param arrivedAt of the request, by {@link System#nanoTime}
   * @param pieces whether anybody wants the text before all of it is there
   * @param interToken told the seconds between tokens
   */
  Answer(long arrivedAt, boolean pieces, DoubleConsumer interToken) {
    this.arrivedAt = arrivedAt;
    this.pieces = pieces;
    this.interToken = interToken;
  }

  @Override
  public boolean onPrefill(int done, int total) {
    if (prefillAt == 0) {
      prefillAt = System.nanoTime();
    }
    return true; // whoever cancels has the ticket
  }

  @Override
  public boolean onToken(int token, String text) {
    long now = System.nanoTime();
    if (firstTokenAt == 0) {
      firstTokenAt = now;
    } else {
      interToken.accept((now - lastTokenAt) / 1e9);
    }
    lastTokenAt = now;
    if (pieces && (!text.isEmpty() || logprobs != null)) {
      events.add(new Event.Token(text, logprobs));
    } else if (logprobs != null) {
      kept.add(new Event.Token(text, logprobs));
    }
    logprobs = null;
    return true; // whoever cancels has the ticket
  }

  @Override
  public void onLogprobs(TokenLogprobs next) {
    logprobs = next;
  }

  @Override
  public void onEnd(GenerationResult result) {
    events.add(result.finishReason() == FinishReason.CANCELLED
        ? new Event.Cut(result)
        : new Event.Ended(result));
  }

  @Override
  public void onFailure(Exception failure) {
    events.add(new Event.Failed(failure));
  }

  /** The next event, or null if there is none for so long. */
  @Nullable
  Event next(Duration atMost) throws InterruptedException {
    return events.poll(atMost.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** The next event if it is there already. */
  @Nullable
  Event next() {
    return events.poll();
  }

  /** All tokens of an answer whose pieces nobody wanted, after its last event; none if the client did not ask for probabilities. */
  List<Event.Token> tokens() {
    return kept;
  }

  /** How long it took, up to now. */
  RequestTimes times() {
    return new RequestTimes(seconds(arrivedAt, prefillAt), seconds(prefillAt, firstTokenAt),
        seconds(arrivedAt, firstTokenAt), seconds(firstTokenAt, lastTokenAt),
        seconds(arrivedAt, System.nanoTime()));
  }

  private static double seconds(long from, long to) {
    return from == 0 || to == 0 ? Double.NaN : (to - from) / 1e9;
  }
}
