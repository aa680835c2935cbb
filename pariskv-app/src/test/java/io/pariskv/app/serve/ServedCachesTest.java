package io.pariskv.app.serve;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** {@code /v1/caches} over a socket, on the bundled model. */
@Timeout(180)
class ServedCachesTest {
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final String DOCUMENT = Cli.recall("num-64").path("user").asString();

  @TempDir
  private Path directory;

  /** A server that a test talks to. */
  private record Served(LoadedModels models, ParisKvServer server,
      HttpClient http) implements AutoCloseable {

    static Served start(@Nullable Path caches) {
      LoadedModels models = LoadedModels.load(List.of(NamedModel.parse(RECALL_MODEL.toString())),
          LoadOptions.defaults().withContext(2048), new FullAttention(),
          EngineOptions.defaults().withPlaces(2), caches);
      return new Served(models,
          ParisKvServer.start(ServerSettings.local(), models.served(), RequestLog.NONE),
          HttpClient.newHttpClient());
    }

    JsonNode call(int status, String method, String path, @Nullable ObjectNode body)
        throws Exception {
      HttpRequest.Builder request = HttpRequest.newBuilder(server.url().resolve(path))
          .method(method, body == null
              ? BodyPublishers.noBody()
              : BodyPublishers.ofString(body.toString()));
      HttpResponse<String> response = http.send(body == null
          ? request.build()
          : request.header("Content-Type", "application/json").build(), BodyHandlers.ofString());
      assertEquals(status, response.statusCode(), response.body());
      return JSON.readTree(response.body());
    }

    @Override
    public void close() {
      http.close();
      server.close();
      models.close();
    }
  }

  private static ObjectNode named(String name) {
    return JSON.createObjectNode().put("name", name);
  }

  private static ObjectNode asking(ObjectNode body, String text) {
    body.putArray("messages").addObject().put("role", "user").put("content", text);
    return body;
  }

  @Test
  void savedConversation_isGoneOnFrom_listed_loaded_andDeleted() throws Exception {
    int tokens;
    try (Served first = Served.start(directory)) {
      JsonNode saved = first.call(200, "POST", "/v1/caches", asking(named("doc-1"), DOCUMENT));
      tokens = saved.path("tokens").asInt();
      assertTrue(tokens > 500, saved::toString);
      assertEquals("recall-12m", saved.path("model").asString());
      assertEquals(Files.size(directory.resolve("doc-1.pkv")), saved.path("bytes").asLong());
      assertRefused("already_exists",
          first.call(400, "POST", "/v1/caches", asking(named("doc-1"), DOCUMENT)));
    }
    try (Served second = Served.start(directory)) {
      JsonNode list = second.call(200, "GET", "/v1/caches", null).path("data");
      assertEquals(1, list.size());
      assertEquals(tokens, list.path(0).path("tokens").asInt());
      JsonNode loaded = second.call(200, "POST", "/v1/caches/doc-1/load",
          JSON.createObjectNode());
      assertEquals(tokens, loaded.path("cached_tokens").asInt());
      JsonNode answer = second.call(200, "POST", "/v1/chat/completions",
          asking(JSON.createObjectNode().put("max_tokens", 20), DOCUMENT));
      assertTrue(answer.at("/usage/prompt_tokens_details/cached_tokens").asInt() >= tokens - 2,
          answer::toString);
      assertEquals(" The secret number of the hidden canyon is 3350 .",
          answer.at("/choices/0/message/content").asString());
      assertTrue(second.call(200, "DELETE", "/v1/caches/doc-1", null).path("deleted").asBoolean());
      assertFalse(Files.exists(directory.resolve("doc-1.pkv")));
      assertRefused("cache_not_found", second.call(404, "DELETE", "/v1/caches/doc-1", null));
    }
  }

  @Test
  void whatCannotBe_isRefused_andNothingOutsideTheDirectoryIsTouched() throws Exception {
    Path outside = Files.writeString(directory.resolve("outside.pkv"), "mine");
    Path inside = Files.createDirectory(directory.resolve("caches"));
    Files.writeString(inside.resolve("broken.pkv"), "not a cache");
    try (Served served = Served.start(inside)) {
      for (String name : List.of("../outside", "..", "a/b", "", ".x", "é")) {
        assertRefused("invalid_value",
            served.call(400, "POST", "/v1/caches", named(name).put("prompt", "x")));
      }
      served.call(400, "DELETE", "/v1/caches/..%2Foutside", null);
      assertEquals("mine", Files.readString(outside));
      assertRefused("missing_required_parameter",
          served.call(400, "POST", "/v1/caches", named("x")));
      assertRefused("unknown_parameter", served.call(400, "POST", "/v1/caches",
          named("x").put("prompt", "x").put("path", "elsewhere/x")));
      assertRefused("cache_refused", served.call(400, "POST", "/v1/caches",
          named("x").put("prompt", "word ".repeat(3000))));
      JsonNode broken = served.call(400, "POST", "/v1/caches/broken/load",
          JSON.createObjectNode());
      assertRefused("cache_unusable", broken);
      assertFalse(broken.toString().contains(directory.toString()), broken::toString);
      assertRefused("cache_not_found",
          served.call(404, "POST", "/v1/caches/none/load", JSON.createObjectNode()));
      assertTrue(served.call(200, "GET", "/v1/caches", null).at("/data/0/problem").asString()
          .contains("not a cache file"));
    }
    try (Served without = Served.start(null)) {
      for (JsonNode refused : List.of(without.call(404, "GET", "/v1/caches", null),
          without.call(404, "POST", "/v1/caches", named("x").put("prompt", "x")),
          without.call(404, "DELETE", "/v1/caches/x", null))) {
        assertRefused("no_cache_directory", refused);
        assertTrue(refused.at("/error/message").asString().contains("--cache-dir"));
      }
    }
  }

  private static void assertRefused(String code, JsonNode body) {
    assertEquals(code, body.at("/error/code").asString(), body::toString);
  }
}
