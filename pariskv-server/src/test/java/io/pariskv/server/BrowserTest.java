package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import io.pariskv.engine.ContextAttention.State;
import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.CountedMethod;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
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
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The page in Chromium, with the bundled model; what is done there is in {@code src/test/js/page.mjs}. Where there is no browser it
 * says so and is skipped; but if {@code -Dpariskv.browserLog=FILE} says that one is being installed, the last line of that
 * file, {@code ready}, is waited for first.
 */
@Timeout(400)
class BrowserTest {
  private static final Path SCRIPTS = Path.of(System.getProperty("project.root", ".."))
      .resolve("pariskv-server/src/test/js");
  private static final Path CHROMIUM = Path.of("/usr/bin/chromium");
  private static final String KEY = "a-key-of-ours";
  private static final String MARKUP = "<img src=x onerror=\"hit()\"><script>hit()</script>";
  private static final AttentionMethod METHOD = new CountedMethod(new ParisKv(
      new ParisKvConfig(16, 32, 8, 0, new RetrievalBudget(16, null, null))));

  @Test
  void page_chatsShowsWhatItDoes_andTakesNothingForMarkup() throws Exception {
    requireBrowser();
    ServerSettings withKey = ServerSettings.local().withKeys(ApiKeys.of(List.of(KEY)));
    try (
        LanguageModel model = LanguageModel.load(TestServer.RECALL_MODEL,
            LoadOptions.defaults().withContext(8192));
        Engine engine = Engine.start(model, METHOD, EngineOptions.defaults().withPlaces(2));
        ParisKvServer server = ParisKvServer.start(ServerSettings.local(),
            List.of(ServedModel.of("recall-12m", model, engine, METHOD)), RequestLog.NONE);
        TestServer endless = new TestServer(
            FakeEngine.endless(LiveTest.attention(State.DECODE, 5), "Once ", "upon ", "a ",
                "time"));
        TestServer hostile = new TestServer(FakeEngine.answering("a ", MARKUP), withKey)) {
      run("node", "page.mjs", server.url().toString(), endless.server().url().toString(),
          hostile.server().url().toString(), KEY);
    }
  }

  private static void requireBrowser() throws IOException, InterruptedException {
    String log = System.getProperty("pariskv.browserLog");
    if (log != null) {
      awaitInstallation(Path.of(log));
    }
    String missing = missing();
    if (missing != null) {
      abort(missing + ": the page is not tested"
          + (log == null ? "" : "; " + log + " says:\n" + Files.readString(Path.of(log))));
    }
  }

  private static @Nullable String missing() {
    boolean node = Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, "node")));
    if (!node) {
      return "no node is on the PATH";
    }
    if (!Files.isExecutable(CHROMIUM)) {
      return "there is no " + CHROMIUM + " (Debian's package chromium)";
    }
    return Files.isDirectory(SCRIPTS.resolve("node_modules/playwright-core"))
        ? null
        : "playwright-core is not installed; run npm ci in " + SCRIPTS;
  }

  private static void awaitInstallation(Path log) throws IOException, InterruptedException {
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(5);
    while (System.nanoTime() < end
        && !(Files.exists(log) && Files.readString(log).endsWith("ready\n"))) {
      TimeUnit.MILLISECONDS.sleep(200); // another process; nothing tells
    }
  }

  private static void run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).directory(SCRIPTS.toFile())
        .redirectErrorStream(true).start();
    try {
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(process.waitFor(10, TimeUnit.SECONDS), output);
      assertEquals(0, process.exitValue(), output);
    } finally {
      process.destroyForcibly();
    }
  }
}
