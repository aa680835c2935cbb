package io.pariskv.app.cli;

import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.LoadingPlan;
import io.pariskv.method.AttentionMethod;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

  /**
   * Loads the model. A person is told before that why a backend was not taken, what makes this one slow, and what memory
   * the weights and a session by {@code method} will take.
   */
  LanguageModel load(LoadOptions loading, AttentionMethod method, PrintWriter err) {
    return LanguageModel.load(model, loading, plan -> {
      plan.memory().check(method);
      if (Terminal.isInteractive()) {
        explain(plan, method).forEach(line -> err.println("[" + line + "]"));
        err.flush();
      }
    });
  }

  /** Of {@code --context} tokens, or of the most that fit. */
  static List<String> explain(LoadingPlan plan, AttentionMethod method) {
    List<String> lines = new ArrayList<>(plan.choice().reasons());
    int tokens = plan.memory().largestContext(method);
    if (tokens > 0) { // else the session is refused, with its plan
      lines.add("memory for up to " + tokens + " tokens with " + method.name());
      plan.memory().whole(method, tokens).lines().forEach(line -> lines.add("  " + line));
    }
    return lines;
  }
}
