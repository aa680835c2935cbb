package io.pariskv.app.cli;

import io.pariskv.backend.Backends;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import java.io.PrintWriter;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Which model, and how it is loaded. */
final class ModelOptions {
  @Option(names = "--model", required = true, paramLabel = "DIR", description = "Model directory as Hugging Face writes it.")
  Path model;

  @Mixin
  LoadingOptions loading;

  @Option(names = "--context", paramLabel = "N", description = "Most tokens of a sequence, refused at once if they do not fit in memory (default: as many as fit).")
  @Nullable
  Integer context;

  /** How to load; nonsense is wrong usage of the command {@code spec}. */
  LoadOptions toLoadOptions(CommandSpec spec) {
    Usage.requirePositive(spec, "--context", context);
    return loading.toLoadOptions(spec, context == null ? 0 : context);
  }

  /** With {@code auto}, tells a person why a backend that comes before the chosen one was not taken. */
  void explain(LanguageModel loaded, PrintWriter err) {
    if (!loading.backend.isAuto() || !Terminal.isInteractive()) {
      return;
    }
    for (Backends.Candidate candidate : Backends.candidates()) {
      if (candidate.name().equals(loaded.backend().name())) {
        break;
      }
      err.println("[backend " + loaded.backend().name() + ": " + candidate.name()
          + " cannot be used: " + candidate.unusable() + "]");
    }
    err.flush();
  }
}
