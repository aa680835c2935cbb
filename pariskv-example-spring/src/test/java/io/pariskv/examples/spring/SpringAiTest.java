package io.pariskv.examples.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.method.ParisKv;
import io.pariskv.server.ParisKvServer;
import io.pariskv.server.ServerSettings;
import io.pariskv.server.http.RequestLog;
import io.pariskv.server.model.ServedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/** Spring AI asks the server on the bundled model, set up as docs/server.md says. */
@Timeout(120)
class SpringAiTest {
  private static final Path ROOT = Path.of(System.getProperty("project.root", ".."));
  private static final String QUESTION = "A fox asked the plum . The secret number of the hidden "
      + "canyon is 4711 . What is the secret number of the hidden canyon ?";
  private static final String ANSWER = " The secret number of the hidden canyon is 4711 .";

  @Test
  void chatClient_getsWholeAnswersAndStreams() {
    try (LanguageModel model = LanguageModel.load(ROOT.resolve("models/recall-12m"),
        LoadOptions.defaults().withContext(4096));
        Engine engine = Engine.start(model, ParisKv.defaults(), EngineOptions.defaults());
        ParisKvServer server = ParisKvServer.start(ServerSettings.local(),
            List.of(ServedModel.of("recall-12m", model, engine)), RequestLog.NONE);
        ConfigurableApplicationContext context = new SpringApplicationBuilder(Assistant.class)
            .web(WebApplicationType.NONE)
            .lazyInitialization(true) // no embeddings, images and voices
            .run("--spring.ai.openai.base-url=" + server.url() + "/v1")) {
      Assistant assistant = context.getBean(Assistant.class);
      assertEquals(ANSWER, assistant.answer(QUESTION));
      List<String> pieces = assistant.stream(QUESTION).collectList().block();
      assertTrue(pieces != null && pieces.size() > 3, () -> "pieces: " + pieces);
      assertEquals(ANSWER, String.join("", pieces));
    }
  }

  @Test
  void document_showsTheseFiles() throws IOException {
    Path module = ROOT.resolve("pariskv-example-spring/src/main");
    String document = Files.readString(ROOT.resolve("docs/server.md"));
    String properties = Files.readString(module.resolve("resources/application.properties"));
    assertTrue(document.contains("```properties\n" + properties + "```\n"), properties);
    String source = Files.readString(
        module.resolve("java/io/pariskv/examples/spring/Assistant.java"));
    String example = source.substring(source.indexOf("// example:begin\n") + 17,
        source.indexOf("// example:end"));
    assertTrue(document.contains("```java\n" + example + "```\n"), example);
  }
}
