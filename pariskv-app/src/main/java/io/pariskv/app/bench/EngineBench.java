package io.pariskv.app.bench;

import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineOptions;
import io.pariskv.engine.EngineRequest;
import io.pariskv.error.InputException;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.method.AttentionMethod;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * Times an engine with several streams at once: prompts of random tokens that arrive together, their answers, and what
 * becomes of these while a very long prompt is read.
 */
public final class EngineBench {
  /** Tokens that a stream may choose beyond those that are timed, while others begin and a long prompt is read. */
  private static final int SPARE_TOKENS = 4_096;

  private final LanguageModel model;
  private final AttentionMethod method;
  private final Load load;

  /**
   * What an engine is given.
   *
   * @param promptTokens of each stream
   * @param steps timed without other load
   * @param longPrompt tokens of the prompt that arrives then, 0 for none
   * @param options of which places, queue and kept tokens are set for each run
   */
  public record Load(int promptTokens, int steps, int longPrompt, EngineOptions options,
      long seed) {
  }

  /**
   * One line.
   *
   * @param firstToken from the arrival of all prompts at once
   * @param betweenTokens of a stream, once all have begun
   * @param tokensPerSecond of all streams together, then
   * @param beside what a long prompt did to that, null if there was none
   */
  public record Row(int streams, Latency firstToken, Latency betweenTokens, double tokensPerSecond,
      @Nullable Beside beside) {
  }

  /**
   * While a long prompt was read.
   *
   * @param seconds from its arrival to its first token
   * @param betweenTokens of a stream, meanwhile
   * @param tokensPerSecond of all streams together, meanwhile
   */
  public record Beside(double seconds, Latency betweenTokens, double tokensPerSecond) {
  }

  /** Streams on {@code model}, which nobody else uses meanwhile. */
  public EngineBench(LanguageModel model, AttentionMethod method, Load load) {
    this.model = model;
    this.method = method;
    this.load = load;
  }

  /** Seconds of the long prompt with nobody beside it. */
  public double longPromptAlone() {
    try (Engine engine = start(1)) {
      return await(readLongPrompt(engine));
    }
  }

  /**
   * Runs so many streams.
   *
   * @throws InputException if there is no memory for them and the long prompt at once
   */
  public Row run(int streams) {
    try (Engine engine = start(streams + 1)) {
      requireRoom(engine.status().roomTokens(), streams);
      StreamClock clock = new StreamClock(streams);
      SplittableRandom random = new SplittableRandom(load.seed);
      List<Engine.Ticket> tickets = new ArrayList<>();
      for (int i = 0; i < streams; i++) {
        tickets.add(engine.submit(request(random, load.promptTokens, answerTokens()),
            clock.newStream()));
      }
      await(clock.countFrom(0));
      Latency firstToken = clock.firstToken();
      long start = System.nanoTime();
      await(clock.countFrom(load.steps));
      Latency alone = clock.betweenTokens();
      double speed = alone.count() * 1e9 / (System.nanoTime() - start);
      Beside beside = load.longPrompt == 0 ? null : beside(engine, clock);
      tickets.forEach(Engine.Ticket::cancel);
      return new Row(streams, firstToken, alone, speed, beside);
    }
  }

  private Beside beside(Engine engine, StreamClock clock) {
    await(clock.countFrom(0)); // counts anew
    double seconds = await(readLongPrompt(engine));
    Latency between = clock.betweenTokens();
    return new Beside(seconds, between, between.count() / seconds);
  }

  private Engine start(int places) {
    return Engine.start(model, method,
        load.options.withPlaces(places).withMaxQueue(0).withKeepTokens(0));
  }

  /** Else the long prompt would wait until the streams have ended. */
  private void requireRoom(long room, int streams) {
    long needed = (long) streams * (load.promptTokens + answerTokens()) + load.longPrompt + 1;
    if (load.longPrompt > 0 && needed > room) {
      throw new InputException(streams + " streams and the long prompt take " + needed
          + " tokens, and there is memory for " + room
          + "; lower --long-prompt, --streams or --prompt, or give --offload on");
    }
  }

  private int answerTokens() {
    return load.steps + SPARE_TOKENS;
  }

  private EngineRequest request(SplittableRandom random, int tokens, int answer) {
    int[] prompt = random.ints(tokens, 0, model.config().vocabSize()).toArray();
    return new EngineRequest(prompt, GenerationOptions.greedy(answer).withIgnoreEos(true), null);
  }

  /** Seconds to its first token. */
  private CompletableFuture<Double> readLongPrompt(Engine engine) {
    StreamClock clock = new StreamClock(1);
    engine.submit(request(new SplittableRandom(load.seed + 1), load.longPrompt, 1),
        clock.newStream());
    return clock.countFrom(0).thenApply(_ -> clock.firstToken().max() / 1e3);
  }

  private static <T> T await(CompletableFuture<T> future) {
    try {
      return future.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
  }
}
