package io.pariskv.app.bench;

import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineListener;
import io.pariskv.engine.EngineOptions;
import io.pariskv.engine.EngineRequest;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.method.AttentionMethod;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Times an engine with several streams at once: prompts of random tokens that arrive together, and their answers. */
public final class EngineBench {
  /** Steps before the window that is timed: those that record, and those that find caches cold. */
  private static final int WARM_UP = 4;

  private EngineBench() {
  }

  /**
   * One line.
   *
   * @param prefillSeconds from the arrival of all prompts to the last one's first token
   * @param longestPauseMs between two tokens of a stream, while other prompts were read
   * @param decodeSeconds of {@code steps} steps of all streams
   */
  public record Row(int streams, int promptTokens, int steps, double prefillSeconds,
      double longestPauseMs, double decodeSeconds) {
    /** Prompt tokens a second. */
    public double promptTokensPerSecond() {
      return streams * (double) promptTokens / prefillSeconds;
    }

    /** New tokens a second of all streams together. */
    public double tokensPerSecond() {
      return streams * (double) steps / decodeSeconds;
    }
  }

  /**
   * Runs so many streams to their end.
   *
   * @param chunk as in {@link EngineOptions}
   */
  public static Row run(LanguageModel model, AttentionMethod method, int streams, int promptTokens,
      int steps, int chunk, long seed) {
    EngineOptions options = EngineOptions.defaults().withPlaces(streams).withMaxQueue(0)
        .withChunk(chunk).withKeepTokens(0);
    Window window = new Window(streams, steps);
    try (Engine engine = Engine.start(model, method, options)) {
      SplittableRandom random = new SplittableRandom(seed);
      GenerationOptions enough = GenerationOptions
          .greedy(enough(model, streams, promptTokens, steps, chunk)).withIgnoreEos(true);
      for (int i = 0; i < streams; i++) {
        int[] prompt = random.ints(promptTokens, 0, model.config().vocabSize()).toArray();
        engine.submit(new EngineRequest(prompt, enough, null), window.new Stream());
      }
      return window.await(promptTokens);
    }
  }

  /** Tokens that the first stream may have chosen by the end: a step for each chunk of the others, of an eighth at least. */
  private static int enough(LanguageModel model, int streams, int promptTokens, int steps,
      int chunk) {
    int most = chunk == 0 ? model.plan().prefillChunk() : chunk;
    long chunks = streams * Math.ceilDiv(promptTokens * 8L, most);
    return Math.toIntExact(1 + WARM_UP + steps + chunks);
  }

  /** What all streams tell, on the engine's thread. */
  private static final class Window {
    private final int streams;
    private final int steps;
    private final long start = System.nanoTime();
    private final CompletableFuture<Void> done = new CompletableFuture<>();
    private int begun;
    private long allBegunAt;
    private long longestPause;
    private long windowStart;
    private long windowEnd;
    /** Tokens of all streams since all have begun. */
    private long tokens;

    Window(int streams, int steps) {
      this.streams = streams;
      this.steps = steps;
    }

    Row await(int promptTokens) {
      try {
        done.join();
      } catch (CompletionException e) {
        throw e.getCause() instanceof RuntimeException cause ? cause : e;
      }
      return new Row(streams, promptTokens, steps, (allBegunAt - start) / 1e9, longestPause / 1e6,
          (windowEnd - windowStart) / 1e9);
    }

    /** Takes note of a token; returns whether more are wanted. */
    private boolean token(long now) {
      if (begun < streams) {
        return true;
      }
      tokens++;
      if (tokens == (long) WARM_UP * streams) {
        windowStart = now;
      }
      if (tokens == (long) (WARM_UP + steps) * streams) {
        windowEnd = now;
        done.complete(null);
      }
      return tokens < (long) (WARM_UP + steps) * streams;
    }

    private final class Stream implements EngineListener {
      private long last;

      @Override
      public boolean onToken(int token, String text) {
        long now = System.nanoTime();
        if (last == 0) {
          begun++;
          allBegunAt = now;
        } else if (begun < streams) {
          longestPause = Math.max(longestPause, now - last);
        }
        last = now;
        return token(now);
      }

      @Override
      public void onEnd(GenerationResult result) {
        done.completeExceptionally(new IllegalStateException(
            "a stream ended after " + result.tokens().size() + " tokens, before the others"));
      }

      @Override
      public void onFailure(Exception failure) {
        done.completeExceptionally(failure);
      }
    }
  }
}
