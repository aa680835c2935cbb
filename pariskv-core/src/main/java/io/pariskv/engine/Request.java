package io.pariskv.engine;

import io.pariskv.generate.FinishReason;
import io.pariskv.generate.Generation;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.kv.TokenZones;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A request that was accepted. Any thread may cancel it. */
final class Request implements Engine.Ticket {
  private final EngineRequest asked;
  private final EngineListener listener;
  private final int limit;
  private final long arrivedAt = System.nanoTime();
  private final AttentionView view;
  private volatile boolean cancelled;

  /** @param limit most new tokens */
  Request(EngineRequest asked, EngineListener listener, int limit) {
    this.asked = asked;
    this.listener = listener;
    this.limit = limit;
    this.view = new AttentionView(new ContextAttention(ContextAttention.State.QUEUED,
        asked.prompt().length, TokenZones.dense(0), null));
  }

  int[] prompt() {
    return asked.prompt();
  }

  GenerationOptions options() {
    return asked.options();
  }

  /** For what a generation tells; how it ended is told by {@link #tellEnd} and {@link #tellFailure}. */
  GenerationListener listener() {
    return listener;
  }

  int limit() {
    return limit;
  }

  /** Tokens that its cache may come to have. */
  int mostTokens() {
    return prompt().length + limit;
  }

  @Override
  public void cancel() {
    cancelled = true;
  }

  @Override
  public ContextAttention attention(Duration atMost) {
    return view.await(atMost);
  }

  /** For those who ask what it attends. */
  AttentionView view() {
    return view;
  }

  /** Why it must end now, whatever it does; null if it may go on. */
  @Nullable
  FinishReason over() {
    if (cancelled) {
      return FinishReason.CANCELLED;
    }
    Duration deadline = asked.deadline();
    return deadline != null
        && Duration.ofNanos(System.nanoTime() - arrivedAt).compareTo(deadline) >= 0
            ? FinishReason.DEADLINE
            : null;
  }

  /** The result of one that ended while it waited. */
  GenerationResult resultWithoutPlace(LanguageModel model, FinishReason why) {
    Generation nothing = new Generation(model, options(), listener, limit);
    nothing.prefilled(prompt().length, 0, System.nanoTime());
    nothing.end(why);
    return nothing.result(0, 0, null);
  }

  void tellEnd(GenerationResult result) {
    view.end(null);
    tell(() -> listener.onEnd(result));
  }

  void tellFailure(Throwable failure) {
    view.end(null);
    Exception exception = failure instanceof Exception e
        ? e
        : new IllegalStateException("the request failed: " + failure.getMessage(), failure);
    tell(() -> listener.onFailure(exception));
  }

  /** Nothing is left that could fail with the listener: what it throws is reported as of the thread. */
  private static void tell(Runnable call) {
    try {
      call.run();
    } catch (RuntimeException | Error e) {
      Thread thread = Thread.currentThread();
      thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
    }
  }
}
