package io.pariskv.app.cli;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.error.InputException;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.model.ModelConfig;
import io.pariskv.model.RopeScaling;
import io.pariskv.model.file.ModelDirectory;
import io.pariskv.model.file.ModelTensors;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Says what this machine offers and what a model would take on it. */
@Command(name = "info", mixinStandardHelpOptions = true, description = "Show this machine's backends, a model's shape, and what a context of it takes.")
public final class InfoCommand implements Callable<Integer> {
  @Spec
  private CommandSpec spec;
  @Mixin
  private MethodOptions method;
  @Option(names = "--model", paramLabel = "DIR", description = "Model directory as Hugging Face writes it.")
  private @Nullable Path model;
  @Option(names = "--context", paramLabel = "N", description = "Tokens to plan memory for (default: the model's positions).")
  private @Nullable Integer context;
  @Option(names = "--kv-dtype", paramLabel = "TYPE", defaultValue = "bf16", description = "bf16 or f32 (default: ${DEFAULT-VALUE}).")
  private ModelOptions.KvType kvType;

  @Override
  public Integer call() {
    if (context != null && context < 1) {
      throw Usage.wrong(spec, "--context " + context + " must be at least 1");
    }
    PrintWriter out = spec.commandLine().getOut();
    Usage.check(spec, method::toMethod);
    machine(out);
    if (model != null) {
      describe(model, out);
    }
    return 0;
  }

  private static void machine(PrintWriter out) {
    out.printf("java        %s, %s%n", Runtime.version(), System.getProperty("java.vm.name"));
    out.printf("processors  %d, %s %s%n", Runtime.getRuntime().availableProcessors(),
        System.getProperty("os.name"), System.getProperty("os.arch"));
    boolean taken = false;
    for (Backends.Candidate candidate : Backends.candidates()) {
      if (candidate.unusable() != null) {
        out.printf("backend     %-7s not usable: %s%n", candidate.name(), candidate.unusable());
        continue;
      }
      try (Backend backend = Backends.open(candidate.name())) {
        out.printf("backend     %-7s %s%s%n", candidate.name(), backend.description(),
            taken ? "" : " (auto)");
        if (!taken) {
          out.printf("memory      %s available%n", MemoryPlan.humanBytes(backend.availableBytes()));
        }
        taken = true;
      }
    }
  }

  private void describe(Path path, PrintWriter out) {
    try (ModelDirectory directory = ModelDirectory.open(path)) {
      ModelTensors tensors = ModelTensors.of(directory);
      ModelConfig config = directory.config();
      int tokens = context != null ? context : config.maxPositions();
      if (tokens > config.maxPositions()) {
        throw new InputException("--context " + tokens + " is more than the model's "
            + config.maxPositions() + " positions (max_position_embeddings)");
      }
      out.printf("%nmodel       %s, %s%n", path, config.family().architecture());
      out.printf("layers      %d of hidden size %d, feed-forward %d, vocabulary %d%n",
          config.layers(), config.hiddenSize(), config.intermediateSize(), config.vocabSize());
      out.printf("attention   %d query heads, %d KV heads, head size %d%n", config.heads(),
          config.kvHeads(), config.headDim());
      out.printf("positions   %d, RoPE %s%n", config.maxPositions(), rope(config.ropeScaling()));
      out.printf("weights     %s%n", tensors.embedding().dtype());
      LoadOptions options = LoadOptions.defaults()
          .withKvDtype(kvType == ModelOptions.KvType.F32
              ? io.pariskv.memory.DType.F32
              : io.pariskv.memory.DType.BF16);
      for (String name : List.of("full", "pariskv")) {
        plan(directory, options, method.named(name), tokens, out);
      }
    }
  }

  private static String rope(RopeScaling scaling) {
    return scaling instanceof RopeScaling.None ? "plain" : scaling.toString();
  }

  private static void plan(ModelDirectory directory, LoadOptions options, AttentionMethod method,
      int tokens, PrintWriter out) {
    out.printf(Locale.ROOT, "%nplan for %d tokens with %s:%n", tokens, method.name());
    try {
      method.check(LanguageModel.kvShape(directory.config(), options.kvDtype()));
    } catch (InputException e) {
      out.printf("  not possible: %s%n", e.getMessage());
      return;
    }
    MemoryPlan plan = LanguageModel.plan(directory, options, method, tokens);
    for (MemoryPlan.Part part : plan.parts()) {
      out.printf("  %-18s %12s%s%n", part.name(), MemoryPlan.humanBytes(part.bytes()),
          part.mapped() ? " mapped" : "");
    }
    out.printf("  %-18s %12s%n", "total", MemoryPlan.humanBytes(plan.totalBytes()));
  }
}
