package io.pariskv.examples.spring;

import org.springframework.ai.chat.client.ChatClient;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import reactor.core.publisher.Flux;

/** The application that docs/server.md shows. */
// example:begin
@SpringBootApplication
class Assistant {
  private final ChatClient client;

  Assistant(ChatClient.Builder builder) {
    client = builder.build();
  }

  String answer(String question) {
    return client.prompt().user(question).call().content();
  }

  Flux<String> stream(String question) {
    return client.prompt().user(question).stream().content();
  }
}
// example:end
