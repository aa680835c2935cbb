package io.pariskv.app.examples;

import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.Session;
import io.pariskv.method.ParisKv;
import io.pariskv.text.ChatMessage;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;

/** The first example of the README: load a model and stream an answer. */
final class StreamAnswer {
  private StreamAnswer() {
  }

  static GenerationResult answer(Path directory, String document, PrintStream out) {
    // example:begin
    try (LanguageModel model = LanguageModel.load(directory);
        Session session = model.newSession(ParisKv.defaults())) {
      List<ChatMessage> messages = List.of(new ChatMessage("user", document));
      return session.generate(messages, GenerationOptions.greedy(200), new GenerationListener() {
        @Override
        public boolean onToken(int token, String text) {
          out.print(text);
          return !out.checkError(); // false ends the answer
        }
      });
    }
    // example:end
  }
}
