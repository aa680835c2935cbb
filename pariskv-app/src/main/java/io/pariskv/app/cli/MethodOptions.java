package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which attention method, and its settings. */
final class MethodOptions {
  /** Every method there is. */
  static final List<String> NAMES = List.of("full", "pariskv");

  @Option(names = "--method", paramLabel = "NAME", defaultValue = "pariskv", description = "pariskv or full (default: ${DEFAULT-VALUE}).")
  String method;

  @Mixin
  ParisKvOptions settings;

  /** The method asked for; use it inside {@link Usage#check}. */
  AttentionMethod toMethod() {
    return named(method);
  }

  /** The method {@code name}. Nonsense in the settings is refused even where {@code full} ignores them. */
  AttentionMethod named(String name) {
    ParisKvConfig config = settings.toConfig();
    return switch (name) {
      case "full" -> new FullAttention();
      case "pariskv" -> new ParisKv(config);
      default -> throw new InputException(
          "method '" + name + "' is not known; choose one of " + String.join(", ", NAMES));
    };
  }
}
