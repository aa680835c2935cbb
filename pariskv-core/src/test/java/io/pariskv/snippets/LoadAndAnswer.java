package io.pariskv.snippets;

import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.Session;
import io.pariskv.text.ChatMessage;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;

/** Of {@link LanguageModel}. */
final class LoadAndAnswer {
  private LoadAndAnswer() {
  }

  static GenerationResult answer(Path directory, String question, PrintStream out) {
    // @start region="example"
    try (LanguageModel model = LanguageModel.builder(directory).context(16_384).load();
        Session session = model.newSession()) {
      return session.generate(List.of(ChatMessage.user(question)), model.proposedOptions(200),
          GenerationListener.text(out::print)
              .withProgress((done, total) -> out.printf("%d of %d tokens read%n", done, total)));
    }
    // @end
  }
}
