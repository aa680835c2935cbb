package io.pariskv.engine;

import io.pariskv.generate.FinishReason;
import io.pariskv.generate.Generation;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.kv.TokenZones;
import java.time.Duration;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A request that was accepted. Any thread may cancel it. */
final class Request implements Engine.Ticket {
  private final EngineRequest asked;
  private final EngineListener listener;
  private final int limit;
  private final @Nullable CacheTask task;
  private final long arrivedAt = System.nanoTime();
  private final AttentionView view;
  private volatile boolean cancelled;

  /**
   * @param limit most new tokens
   * @param task what it is for if not for an answer
   */
  Request(EngineRequest asked, EngineListener listener, int limit, @Nullable CacheTask task) {
    this.asked = asked;
    this.listener = listener;
    this.limit = limit;
    this.view = new AttentionView(new ContextAttention(ContextAttention.State.QUEUED,
        asked.prompt().length, TokenZones.dense(0), null));
    this.task = task;
  }

  int[] prompt() {
    return asked.prompt();
  }

  /** What it is for, null if it asks for an answer. */
  @Nullable
  CacheTask task() {
    return task;
  }

  /** How many tokens its prompt and another one both begin with. */
  int commonPrefix(int[] other) {
    int mismatch = Arrays.mismatch(prompt(), other);
    return mismatch < 0 ? other.length : mismatch;
  }

  GenerationOptions options() {
    return asked.options();
  }

  /** One that tells the listener of progress and tokens; of the end {@link #tellEnd} and {@link #tellFailure} tell. */
  Generation newGeneration(LanguageModel model) {
    return new Generation(model, prompt().length, options(), listener, limit);
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
    Generation nothing = newGeneration(model);
    nothing.end(why);
    return nothing.resultWithoutSequence();
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
