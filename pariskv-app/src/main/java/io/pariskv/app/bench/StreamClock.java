package io.pariskv.app.bench;

import io.pariskv.engine.EngineListener;
import io.pariskv.generate.GenerationResult;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * When the tokens of some streams come. Told by the engine's thread, asked by another one; it holds nobody up for longer
 * than it takes to note a number.
 */
final class StreamClock {
  private final int streams;
  private final long start = System.nanoTime();
  private final List<Long> firstTokens = new ArrayList<>();
  private final List<Long> gaps = new ArrayList<>();
  private long awaited;
  private @Nullable CompletableFuture<Void> reached;
  private @Nullable Exception failure;

  /** @param streams how many there will be; they have just arrived */
  StreamClock(int streams) {
    this.streams = streams;
  }

  /** What the next stream tells. */
  EngineListener newStream() {
    return new Stream();
  }

  /** Counts anew, and is done when all streams have begun and chosen so many more tokens each, on average. */
  synchronized CompletableFuture<Void> countFrom(int tokens) {
    CompletableFuture<Void> future = new CompletableFuture<>();
    gaps.clear();
    awaited = (long) tokens * streams;
    reached = future;
    completeIfReached();
    return future;
  }

  /** From the start to each stream's first token. */
  synchronized Latency firstToken() {
    return Latency.ofNanos(firstTokens);
  }

  /** Between two tokens of a stream, since {@link #countFrom}, and all have begun. */
  synchronized Latency betweenTokens() {
    return Latency.ofNanos(gaps);
  }

  private synchronized void first(long now) {
    firstTokens.add(now - start);
    completeIfReached();
  }

  private synchronized void next(long gap) {
    if (firstTokens.size() == streams) {
      gaps.add(gap);
      completeIfReached();
    }
  }

  private synchronized void failed(Exception e) {
    failure = e;
    completeIfReached();
  }

  private void completeIfReached() {
    CompletableFuture<Void> future = reached;
    if (future != null && failure != null) {
      future.completeExceptionally(failure);
    } else if (future != null && firstTokens.size() == streams && gaps.size() >= awaited) {
      reached = null;
      future.completeAsync(() -> null);
    }
  }

  private final class Stream implements EngineListener {
    private long last;

    @Override
    public boolean onToken(int token, String text) {
      long now = System.nanoTime();
      if (last == 0) {
        first(now);
      } else {
        next(now - last);
      }
      last = now;
      return true;
    }

    /** Its tokens are used up, while a prompt is read that takes longer; or it was cancelled. */
    @Override
    public void onEnd(GenerationResult result) {
      // What it told until then counts.
    }

    @Override
    public void onFailure(Exception e) {
      failed(e);
    }
  }
}
