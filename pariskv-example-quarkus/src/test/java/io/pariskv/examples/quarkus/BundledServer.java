package io.pariskv.examples.quarkus;

import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * {@code pariskv serve} on the bundled model, before the application starts; at a free port instead of the document's. A process
 * of its own: Quarkus loads a module of this build again for every application, and a native library can be loaded once.
 */
public final class BundledServer implements QuarkusTestResourceLifecycleManager {
  static final Path ROOT = Path.of(System.getProperty("project.root", ".."));

  private Process process;

  @Override
  public Map<String, String> start() {
    try {
      process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin/java").toString(),
          "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-Xmx512m",
          "-cp",
          System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
          "io.pariskv.app.Main", "serve", "--port", "0", "--context", "4096", "--model",
          ROOT.resolve("models/recall-12m").toString())
          .redirectError(ProcessBuilder.Redirect.DISCARD).start();
      String line = process.inputReader().readLine(); // http://127.0.0.1:40123 serves recall-12m, ...
      if (line == null) {
        throw new IllegalStateException("the server has not started");
      }
      return Map.of("quarkus.langchain4j.openai.base-url", line.split(" ")[0] + "/v1");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void stop() {
    process.destroyForcibly();
  }
}
