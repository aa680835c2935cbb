package io.pariskv.snippets;

import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.Session;
import io.pariskv.text.ChatMessage;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/** Of {@link GenerationListener}. */
final class Cancel {
  private Cancel() {
  }

  static GenerationResult answer(Session session, String question, AtomicBoolean cancelled,
      Consumer<String> out) {
    // @start region="example"
    // AtomicBoolean cancelled: any thread may set it
    GenerationResult result = session.generate(List.of(ChatMessage.user(question)),
        GenerationOptions.greedy(200), GenerationListener.text(out).until(cancelled::get));
    // result.finishReason() is CANCELLED then; the session can go on with what it has read
    // @end
    return result;
  }
}
