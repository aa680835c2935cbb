package io.pariskv.app.cli;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Which model, for commands that show something of any: the bundled one unless said otherwise. */
final class BundledModelOption {
  @Option(names = "--model", paramLabel = "DIR", description = "Model directory (default: the bundled one).")
  Path directory = Path.of(System.getProperty("pariskv.home", "."), "models", "recall-12m");
}
