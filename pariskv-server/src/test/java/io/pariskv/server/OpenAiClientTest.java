package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.method.FullAttention;
import io.pariskv.server.http.ApiKeys;
import io.pariskv.server.http.RequestLog;
import io.pariskv.server.model.ServedModel;
import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.TestServer;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** OpenAI's own JavaScript client, with the bundled model; what it asks for is in {@code src/test/js/openai.mjs}. */
@Timeout(120)
class OpenAiClientTest {
  private static final Path SCRIPTS = Path.of(System.getProperty("project.root", ".."))
      .resolve("pariskv-server/src/test/js");
  private static final String KEY = "a-key-of-ours";
  private static final ServerSettings SETTINGS = ServerSettings.local()
      .withLimits(TestServer.LIMITS).withKeys(ApiKeys.of(List.of(KEY)));

  @Test
  void client_hasItsAnswersItsStreamsAndItsErrors() throws Exception {
    assumeNode();
    EngineOptions few = EngineOptions.defaults().withPlaces(2).withMaxQueue(1);
    FakeEngine functions = FakeEngine.answering("<think>hm</think>I look.",
        "<tool_call>{\"name\":\"weather\",\"arguments\":{\"city\":\"Paris\"}}</tool_call>");
    try (
        LanguageModel model = LanguageModel.load(TestServer.RECALL_MODEL,
            LoadOptions.defaults().withContext(32_768));
        Engine engine = Engine.start(model, new FullAttention(), few);
        ParisKvServer server = ParisKvServer.start(SETTINGS,
            List.of(ServedModel.of("recall-12m", model, engine)), RequestLog.NONE);
        TestServer calling = new TestServer(functions, ToolsTest.template("qwen3"))) {
      node("openai.mjs", server.url().toString(), KEY, calling.server().url().toString());
    }
  }

  private static void assumeNode() {
    boolean node = Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, "node")));
    assume(node, "there is no node on the PATH");
    assume(Files.isDirectory(SCRIPTS.resolve("node_modules/openai")),
        "run npm ci in " + SCRIPTS.toAbsolutePath().normalize());
  }

  private static void assume(boolean holds, String otherwise) {
    if (!holds) { // a build says no more than that a test was skipped
      System.err.println("OpenAI's JavaScript client is not tested: " + otherwise);
    }
    assumeTrue(holds, otherwise);
  }

  private static void node(String... command) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(
        Stream.concat(Stream.of("node"), Stream.of(command)).toList());
    Process process = builder.directory(SCRIPTS.toFile()).redirectErrorStream(true).start();
    try {
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(process.waitFor(10, TimeUnit.SECONDS), output);
      assertEquals(0, process.exitValue(), output);
    } finally {
      process.destroyForcibly();
    }
  }
}
