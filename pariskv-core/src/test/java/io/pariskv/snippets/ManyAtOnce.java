package io.pariskv.snippets;

import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineListener;
import io.pariskv.engine.EngineOptions;
import io.pariskv.engine.EngineRequest;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.method.ParisKv;
import io.pariskv.text.ChatMessage;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Of {@link Engine}. */
final class ManyAtOnce {
  private ManyAtOnce() {
  }

  // @start region="example"
  static List<String> answers(LanguageModel model, List<String> questions) {
    try (Engine engine = Engine.start(model, ParisKv.defaults(),
        EngineOptions.defaults().withPlaces(4))) {
      List<CompletableFuture<GenerationResult>> answers = questions.stream()
          .map(question -> ask(engine, model, question)).toList();
      return answers.stream().map(answer -> answer.join().text()).toList();
    }
  }

  private static CompletableFuture<GenerationResult> ask(Engine engine, LanguageModel model,
      String question) {
    CompletableFuture<GenerationResult> answer = new CompletableFuture<>();
    int[] prompt = model.chatPrompt(List.of(ChatMessage.user(question)));
    Engine.Ticket ticket = engine.submit(
        new EngineRequest(prompt, model.proposedOptions(200), null), new EngineListener() {
          @Override
          public void onEnd(GenerationResult result) { // on the engine's thread, as all calls
            answer.complete(result);
          }

          @Override
          public void onFailure(Exception failure) {
            answer.completeExceptionally(failure);
          }
        });
    return answer.orTimeout(10, TimeUnit.MINUTES)
        .whenComplete((_, failure) -> {
          if (failure != null) {
            ticket.cancel();
          }
        });
  }
  // @end
}
