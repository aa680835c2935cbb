package io.pariskv.examples.quarkus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Quarkus LangChain4j asks the server on the bundled model, set up as docs/server.md says. */
@QuarkusTest
@WithTestResource(BundledServer.class)
class QuarkusLangChain4jTest {
  private static final String QUESTION = "A fox asked the plum . The secret number of the hidden "
      + "canyon is 4711 . What is the secret number of the hidden canyon ?";
  private static final String ANSWER = " The secret number of the hidden canyon is 4711 .";

  @Inject
  Assistant assistant;

  @Test
  void service_getsWholeAnswersAndStreams() {
    assertEquals(ANSWER, assistant.answer(QUESTION));
    List<String> pieces = assistant.stream(QUESTION).collect().asList().await()
        .atMost(Duration.ofMinutes(1));
    assertTrue(pieces.size() > 3, pieces::toString);
    assertEquals(ANSWER, String.join("", pieces));
  }

  @Test
  void document_showsTheseFiles() throws IOException {
    Path module = BundledServer.ROOT.resolve("pariskv-example-quarkus/src/main");
    String document = Files.readString(BundledServer.ROOT.resolve("docs/server.md"));
    String properties = Files.readString(module.resolve("resources/application.properties"));
    assertTrue(document.contains("```properties\n" + properties + "```\n"), properties);
    String source = Files.readString(
        module.resolve("java/io/pariskv/examples/quarkus/Assistant.java"));
    String example = source.substring(source.indexOf("// example:begin\n") + 17,
        source.indexOf("// example:end"));
    assertTrue(document.contains("```java\n" + example + "```\n"), example);
  }
}
