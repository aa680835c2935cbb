package io.pariskv.langchain4j.testing;

import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineListener;
import io.pariskv.engine.EngineRequest;
import io.pariskv.engine.EngineStatus;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.Generation;
import io.pariskv.generate.LanguageModel;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;

/**
 * An engine whose tokens come from a script instead of a forward pass. The prompt is read back by the model's tokenizer, the
 * answer goes through the same {@link Generation} as any other: stop strings, limits and the end of turn are the real ones.
 */
public class ScriptedEngine implements Engine {
  /** Where an answer stands still until it is cancelled. */
  public static final String HALT = "\u0000";

  private final LanguageModel model;
  private final Function<String, String> script;

  /** @param script the answer to a prompt, special tokens included; what it throws is the engine's failure */
  public ScriptedEngine(LanguageModel model, Function<String, String> script) {
    this.model = model;
    this.script = script;
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
    String answer = script.apply(model.tokenizer().decode(prompt, false));
    Generation generation = new Generation(model, request.options(), listener,
        request.options().maxTokens());
    generation.prefill(0, prompt.length);
    generation.prefill(prompt.length, prompt.length);
    generation.prefilled(prompt.length, 0, System.nanoTime());
    for (int token : model.tokenizer().encode(answer.replace(HALT, ""))) {
      if (cancelled.getCount() > 0 && !generation.ended()) {
        generation.accept(token);
      }
    }
    if (answer.endsWith(HALT) && !generation.ended()) {
      cancelled.await();
    }
    if (cancelled.getCount() == 0) {
      generation.end(FinishReason.CANCELLED);
    } else if (!generation.ended()) {
      generation.accept(model.config().eosTokenIds().iterator().next());
    }
    listener.onEnd(generation.result(prompt.length, 0, null));
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
