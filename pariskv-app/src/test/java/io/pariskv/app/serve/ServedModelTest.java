package io.pariskv.app.serve;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.app.Cli;
import io.pariskv.engine.EngineOptions;
import io.pariskv.generate.LoadOptions;
import io.pariskv.method.FullAttention;
import io.pariskv.server.ParisKvServer;
import io.pariskv.server.ServerSettings;
import io.pariskv.server.http.RequestLog;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The bundled model behind the server: what clients get is what the command line gives. */
@Timeout(180)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ServedModelTest {
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final List<String> TWICE = List.of("num-64", "path-64", "list-64", "num-64",
      "path-64", "list-64");

  private final HttpClient http = HttpClient.newHttpClient();
  @SuppressWarnings("NullAway.Init")
  private LoadedModels models;
  @SuppressWarnings("NullAway.Init")
  private ParisKvServer server;

  @BeforeAll
  void start() {
    models = LoadedModels.load(List.of(NamedModel.parse(RECALL_MODEL.toString())),
        LoadOptions.defaults().withContext(8192), new FullAttention(),
        EngineOptions.defaults().withPlaces(3), null);
    server = ParisKvServer.start(ServerSettings.local(), models.served(), RequestLog.NONE);
  }

  @AfterAll
  void close() {
    server.close();
    models.close();
    http.close();
  }

  private HttpRequest chat(String fixture, boolean stream) {
    ObjectNode body = JSON.createObjectNode().put("model", "recall-12m").put("stream", stream)
        .put("max_tokens", 40);
    body.putArray("messages").addObject().put("role", "user").put("content",
        Cli.recall(fixture).path("user").asString());
    return HttpRequest.newBuilder(server.url().resolve("/v1/chat/completions"))
        .header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(body.toString())).build();
  }

  private static String expected(String fixture) {
    return Cli.run("run", "--model", RECALL_MODEL, "--method", "full", "--json", "--max-tokens", 40,
        "--prompt", Cli.recall(fixture).path("user").asString()).succeeded().json().path("text")
        .asString();
  }

  @Test
  void answer_isThatOfTheCommandLine_andASecondReadsThePromptFromTheCache() throws Exception {
    for (int cachedShare : new int[]{0, 1}) {
      JsonNode answer = JSON
          .readTree(http.send(chat("num-64", false), BodyHandlers.ofString()).body());
      assertEquals(expected("num-64"), answer.at("/choices/0/message/content").asString(),
          answer::toString);
      assertEquals("stop", answer.at("/choices/0/finish_reason").asString());
      int prompt = answer.at("/usage/prompt_tokens").asInt();
      int cached = answer.at("/usage/prompt_tokens_details/cached_tokens").asInt();
      assertTrue(cached >= cachedShare * prompt * 9 / 10, answer::toString);
    }
  }

  @Test
  void streamsSideBySide_areWhatEachIsAlone() {
    List<CompletableFuture<String>> answers = TWICE.stream()
        .map(fixture -> http.sendAsync(chat(fixture, true), BodyHandlers.ofLines())
            .thenApply(response -> text(response.body())))
        .toList();
    for (int i = 0; i < answers.size(); i++) {
      assertEquals(expected(TWICE.get(i)), answers.get(i).join());
    }
  }

  private static String text(Stream<String> lines) {
    StringBuilder text = new StringBuilder();
    lines.filter(line -> line.startsWith("data: {")).map(line -> JSON.readTree(line.substring(6)))
        .forEach(event -> text.append(event.at("/choices/0/delta/content").asString("")));
    return text.toString();
  }
}
