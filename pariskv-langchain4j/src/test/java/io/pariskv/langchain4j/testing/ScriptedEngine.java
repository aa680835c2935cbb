package io.pariskv.langchain4j.testing;

import io.pariskv.constrain.Constraint;
import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineListener;
import io.pariskv.engine.EngineRequest;
import io.pariskv.engine.EngineStatus;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.text.StopStrings;
import io.pariskv.text.TokenDecoder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * An engine whose tokens come from a script instead of a forward pass. The prompt is read back by the model's tokenizer, the
 * answer goes through its decoder and through {@link StopStrings}, as any other.
 */
public class ScriptedEngine implements Engine {
  /** Where an answer stands still until it is cancelled. */
  public static final String HALT = "\u0000";

  private final LanguageModel model;
  private final Function<String, List<String>> script;

  /** @param script the answer to a prompt, special tokens included; what it throws is the engine's failure */
  public ScriptedEngine(LanguageModel model, Function<String, String> script) {
    this(script.andThen(List::of), model);
  }

  private ScriptedEngine(Function<String, List<String>> script, LanguageModel model) {
    this.model = model;
    this.script = script;
  }

  /**
   * An engine that gives the first of several answers that a request's constraint allows: the first of all where there is
   * none.
   */
  public static ScriptedEngine choosing(LanguageModel model,
      Function<String, List<String>> script) {
    return new ScriptedEngine(script, model);
  }

  @Override
  public Ticket submit(EngineRequest request, EngineListener listener) {
    CountDownLatch cancelled = new CountDownLatch(1);
    Thread.ofVirtual().start(() -> {
      try {
        answer(request, listener, cancelled);
      } catch (RuntimeException e) {
        listener.onFailure(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
    return cancelled::countDown;
  }

  private void answer(EngineRequest request, EngineListener listener, CountDownLatch cancelled)
      throws InterruptedException {
    int[] prompt = request.prompt();
    String answer = script.apply(model.tokenizer().decode(prompt, false)).stream()
        .filter(each -> allowed(request.options().constraint(), each)).findFirst()
        .orElseThrow(() -> new IllegalStateException("no answer of the script is of the form"));
    listener.onPrefill(0, prompt.length);
    listener.onPrefill(prompt.length, prompt.length);
    TokenDecoder decoder = model.tokenizer().decoder(true);
    StopStrings stops = new StopStrings(request.options().stop());
    List<Integer> tokens = new ArrayList<>();
    FinishReason reason = null;
    for (int token : model.tokenizer().encode(answer.replace(HALT, ""))) {
      tokens.add(token);
      listener.onToken(token, stops.push(decoder.push(token)));
      reason = stops.found() != null
          ? FinishReason.STOP
          : tokens.size() == request.options().maxTokens() ? FinishReason.LENGTH : null;
      if (reason != null || cancelled.getCount() == 0) {
        break;
      }
    }
    if (reason == null && answer.endsWith(HALT)) {
      cancelled.await();
    }
    if (cancelled.getCount() == 0) {
      reason = FinishReason.CANCELLED;
    } else if (reason == null) { // the end of its turn
      int eos = model.config().eosTokenIds().iterator().next();
      tokens.add(eos);
      listener.onToken(eos, stops.push(decoder.finish()) + stops.finish());
      reason = FinishReason.STOP;
    }
    listener.onEnd(new GenerationResult("", tokens, reason, prompt.length, 0, 0, 0, tokens.size(),
        0, 0, 0, prompt.length, 0, null, null, List.of()));
  }

  /** Whether every token of an answer may follow those before it, and then the end of the turn. */
  private boolean allowed(@Nullable Constraint constraint, String answer) {
    if (constraint == null) {
      return true;
    }
    Constraint.Progress progress = constraint.start();
    IntStream end = IntStream.of(model.config().eosTokenIds().getFirst());
    for (int token : IntStream.concat(Arrays.stream(model.tokenizer().encode(answer)), end)
        .toArray()) {
      int[] forbidden = new int[Math.ceilDiv(model.config().vocabSize(), 32)];
      progress.forbid(forbidden);
      if ((forbidden[token >> 5] >> (token & 31) & 1) != 0) {
        return false;
      }
      progress.accept(token);
    }
    return true;
  }

  @Override
  public EngineStatus status() {
    return new EngineStatus(0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0);
  }

  @Override
  public boolean drain(Duration atMost) {
    return true;
  }

  @Override
  public void close() {
    // nothing to close
  }
}
