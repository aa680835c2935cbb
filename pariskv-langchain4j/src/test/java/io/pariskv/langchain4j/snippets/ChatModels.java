package io.pariskv.langchain4j.snippets;

import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.langchain4j.ParisKvChatModel;
import io.pariskv.langchain4j.ParisKvStreamingChatModel;
import io.pariskv.langchain4j.PrefillProgress;
import io.pariskv.method.ParisKv;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;

/** Both chat models of LangChain4j. */
final class ChatModels {
  private ChatModels() {
  }

  static String answer(Path directory, String question) {
    // @start region="chat"
    try (ParisKvChatModel chat = ParisKvChatModel.builder().modelDirectory(directory)
        .context(16_384).preset("sharp").maxOutputTokens(200).build()) {
      return chat.chat(question);
    }
    // @end
  }

  static ChatResponse stream(Path directory, String question, PrintStream out) {
    CompletableFuture<ChatResponse> done = new CompletableFuture<>();
    // @start region="stream"
    try (LanguageModel model = LanguageModel.load(directory);
        Engine engine = Engine.start(model, ParisKv.defaults(), EngineOptions.defaults());
        ParisKvStreamingChatModel chat = ParisKvStreamingChatModel.builder().engine(model, engine)
            .build()) {
      chat.chat(question, new StreamingChatResponseHandler() {
        @Override
        public void onUnmappedRawEvent(Object event) {
          if (event instanceof PrefillProgress(int read, int total)) {
            out.printf("%d of %d tokens read%n", read, total);
          }
        }

        @Override
        public void onPartialResponse(String text) {
          out.print(text);
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
          done.complete(response);
        }

        @Override
        public void onError(Throwable error) {
          done.completeExceptionally(error);
        }
      });
      return done.join();
    }
    // @end
  }
}
