package io.pariskv.engine;

import io.pariskv.generate.LanguageModel;
import io.pariskv.method.AttentionMethod;
import io.pariskv.saved.SavedCache;
import io.pariskv.saved.SavedCaches;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Answers many requests at once on one model. One thread of the engine's own drives the model; all methods may be called
 * from any thread and none of them waits for the model, but {@link #drain} and {@link #close}.
 *
 * {@snippet file="ManyAtOnce.java" region="example"}
 */
public interface Engine extends AutoCloseable {

  /**
   * Starts an engine. Until it is closed nobody else may use the model, but for its tokenizer and template.
   *
   * @param model which the caller closes, after the engine
   * @param method what decode steps attend
   * @throws io.pariskv.error.InputException if the method cannot serve the model, or memory or the model's settings do not
   *     allow so many places
   */
  static Engine start(LanguageModel model, AttentionMethod method, EngineOptions options) {
    return start(model, method, options, null);
  }

  /**
   * The same with files of caches: a request whose prompt begins with a file's tokens goes on from there.
   *
   * @param saved those of this model, or null for none
   */
  static Engine start(LanguageModel model, AttentionMethod method, EngineOptions options,
      @Nullable SavedCaches saved) {
    return BatchingEngine.start(model, method, options, saved);
  }

  /**
   * Queues a request, which is answered in the order of arrival as places become free.
   *
   * @param listener told of what happens, on the engine's thread; it must not block
   * @return a handle to end it with
   * @throws io.pariskv.error.InputException if the prompt is empty, has ids outside the vocabulary, or cannot fit, with
   *     both numbers; nothing was queued then, and the listener hears nothing
   * @throws QueueFullException if as many requests wait as may
   * @throws EngineStoppedException if the engine drains, is closed, or has failed
   */
  Ticket submit(EngineRequest request, EngineListener listener);

  /** The files that it was started with; null if there are none. */
  default @Nullable SavedCaches savedCaches() {
    return null;
  }

  /**
   * Queues a prompt to be computed and saved to a file of {@link #savedCaches}, which replaces an older one when it is complete
   * and on the disk; then the listener hears of the end. What kept caches or files have of the prompt is not computed
   * again.
   *
   * @throws io.pariskv.error.InputException if the prompt cannot fit, the name is none, or the disk has too little room
   * @throws QueueFullException as of {@link #submit}
   * @throws EngineStoppedException as of {@link #submit}
   * @throws IllegalStateException if there are no {@link #savedCaches}
   */
  default Ticket save(int[] prompt, String name, EngineListener listener) {
    throw new IllegalStateException("this engine has no files of caches");
  }

  /**
   * Queues a file of {@link #savedCaches} to be loaded and kept, so that a request that begins with its tokens has them in memory.
   *
   * @throws io.pariskv.error.InputException if it has more tokens than fit, or are kept
   * @throws QueueFullException as of {@link #submit}
   * @throws EngineStoppedException as of {@link #submit}
   * @throws IllegalStateException if there are no {@link #savedCaches}
   */
  default Ticket load(SavedCache cache, EngineListener listener) {
    throw new IllegalStateException("this engine has no files of caches");
  }

  /** What it does now, or did a moment ago. */
  EngineStatus status();

  /** What its caches hold now, or held a moment ago. */
  default CacheStatus cacheStatus() {
    return CacheStatus.NONE;
  }

  /**
   * Takes no more requests; waits until those it has have ended, and ends them as cancelled when the time is over.
   *
   * @return whether all of them ended by themselves
   * @throws IllegalStateException in a listener, which runs on the thread that would end them
   */
  boolean drain(Duration atMost);

  /**
   * Cancels what is running, and waits for the engine's thread; the model stays open, and the calling thread drives it from
   * here on. A virtual thread cannot drive a GPU: the platform thread that is to use or close the model then calls this once
   * more. Any other repetition does nothing.
   *
   * @throws IllegalStateException in a listener, which runs on the thread that would end
   */
  @Override
  void close();

  /** A request that was queued. */
  @FunctionalInterface
  interface Ticket {
    /** Ends the request as cancelled, wherever it is, within a chunk of prefill or a decode step; without effect later. */
    void cancel();

    /**
     * What the request attends. The engine's thread looks after its next step or chunk, and no more often than twenty times a
     * second; where that takes longer than {@code atMost}, this is what it saw before. Once the request has ended,
     * this is how it was at last. Null from an engine that does not tell.
     */
    default @Nullable ContextAttention attention(Duration atMost) {
      return null;
    }
  }
}
