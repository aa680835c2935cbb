package io.pariskv.examples.quarkus;

import dev.langchain4j.service.UserMessage;
import io.quarkiverse.langchain4j.RegisterAiService;
import io.smallrye.mutiny.Multi;

/** The service that docs/server.md shows. */
// example:begin
@RegisterAiService
interface Assistant {
  String answer(@UserMessage String question);

  Multi<String> stream(@UserMessage String question);
}
// example:end
