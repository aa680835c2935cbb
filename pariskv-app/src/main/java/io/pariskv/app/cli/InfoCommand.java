package io.pariskv.app.cli;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.backend.host.HostMemory;
import io.pariskv.error.InputException;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.ModelPlan;
import io.pariskv.memory.AvailableMemory;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.model.ModelConfig;
import io.pariskv.model.RopeScaling;
import io.pariskv.model.file.ModelDirectory;
import io.pariskv.model.file.ModelTensors;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
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
  @Mixin
  private LoadingOptions loading;

  /** What will be printed; only all of it or, after an error, nothing. */
  private final StringBuilder text = new StringBuilder();
  /** Of the backend that {@code auto} takes. */
  private @Nullable AvailableMemory available;

  @Override
  public Integer call() {
    Usage.requirePositive(spec, "--context", context);
    if (context != null && model == null) {
      throw Usage.wrong(spec, "--context " + context + " plans for a model; give --model too");
    }
    List<AttentionMethod> methods = Stream.concat(Stream.of(new FullAttention()),
        Usage.check(spec, () -> method.toMethods(ParisKvOptions.BEST)).stream()).distinct()
        .toList();
    LoadOptions options = loading.toLoadOptions(spec, 0);
    machine();
    if (model != null) {
      try (Backend backend = Backends.open(options.backend())) {
        describe(model, backend, options, methods);
      }
    }
    spec.commandLine().getOut().print(text);
    spec.commandLine().getOut().flush();
    return 0;
  }

  private void machine() {
    fact("java", Runtime.version() + ", " + System.getProperty("java.vm.name"));
    fact("processors", Runtime.getRuntime().availableProcessors() + ", "
        + System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    Backends.each(this::backend);
    if (available != null) {
      memory(available);
    }
  }

  private void backend(Backends.Attempt attempt) {
    String name = attempt.candidate().name();
    Backend backend = attempt.backend();
    if (backend == null) {
      fact("backend", name + " cannot be used: " + attempt.candidate().unusable());
      return;
    }
    fact("backend", name + ", " + backend.description() + (available == null ? " (auto)" : ""));
    backend.facts().forEach(this::fact);
    available = available == null ? backend.available() : available;
  }

  private void memory(AvailableMemory available) {
    fact("memory", MemoryPlan.humanBytes(available.hostBytes()) + " of "
        + MemoryPlan.humanBytes(HostMemory.totalBytes()) + " host memory available"
        + room(available.hostRoom()));
    if (available.gpuBytes() > 0) {
      fact("GPU memory", MemoryPlan.humanBytes(available.gpuBytes()) + " available"
          + room(available.gpuRoom()));
      fact("pinnable", MemoryPlan.humanBytes(available.hostForPlans())
          + " of host memory, for K and V with --offload on");
    }
  }

  private static String room(long bytes) {
    return bytes == 0 ? "" : ", of which " + MemoryPlan.humanBytes(bytes) + " must stay free";
  }

  private void describe(Path path, Backend backend, LoadOptions options,
      List<AttentionMethod> methods) {
    try (ModelDirectory directory = ModelDirectory.open(path)) {
      ModelTensors tensors = ModelTensors.of(directory);
      ModelConfig config = directory.config();
      int tokens = context != null ? context : config.positions();
      LanguageModel.requirePositions(directory, tokens);
      text.append('\n');
      fact("model", path.toString());
      fact("family", config.family().architecture());
      fact("layers", config.layers() + ", hidden size " + config.hiddenSize() + ", feed-forward "
          + config.intermediateSize() + ", vocabulary " + config.vocabSize());
      fact("attention", config.heads() + " query heads, " + config.kvHeads()
          + " KV heads, head size " + config.headDim() + windows(config.slidingWindows()));
      fact("positions", config.positions() + ", RoPE theta " + plain(config.ropeTheta()) + ", "
          + rope(config.ropeScaling()));
      fact("weights", MemoryPlan.humanBytes(directory.weightBytes()) + " in "
          + directory.tensorNames().size() + " tensors, embedding " + tensors.embedding().dtype());
      ModelPlan plan = new ModelPlan(config, directory.weightBytes(), options.withContext(tokens),
          backend);
      methods.forEach(method -> plan(plan, config, method, backend.name()));
    }
  }

  private static String windows(List<Integer> windows) {
    long sliding = windows.stream().filter(window -> window > 0).count();
    return sliding == 0
        ? ""
        : ", sliding window " + windows.stream().max(Integer::compare).orElse(0) + " in " + sliding
            + " layers";
  }

  private static String rope(RopeScaling scaling) {
    return switch (scaling) {
      case RopeScaling.None none -> "not stretched";
      case RopeScaling.Linear linear -> stretched("linear", linear.factor());
      case RopeScaling.Dynamic dynamic -> stretched("dynamic", dynamic.factor());
      case RopeScaling.Llama3 llama3 -> stretched("llama3", llama3.factor()) + " from "
          + llama3.originalMaxPositions();
      case RopeScaling.Yarn yarn -> stretched("yarn", yarn.factor()) + " from "
          + yarn.originalMaxPositions();
    };
  }

  private static String stretched(String type, double factor) {
    return "stretched " + plain(factor) + " times by " + type;
  }

  /** Without an exponent, and without a fraction that is zero. */
  private static String plain(double value) {
    return new BigDecimal(Double.toString(value)).stripTrailingZeros().toPlainString();
  }

  private void plan(ModelPlan model, ModelConfig config, AttentionMethod method, String backend) {
    text.append(String.format(Locale.ROOT, "%nplan for %d tokens with %s on %s, K and V in %s:%n",
        model.context(), method.name(), backend, loading.kvType.dtype));
    try {
      method.check(LanguageModel.kvShape(config, loading.kvType.dtype));
    } catch (InputException e) {
      text.append("  not possible: ").append(e.getMessage()).append('\n');
      return;
    }
    MemoryPlan plan = model.whole(method, model.context());
    plan.parts().forEach(part -> part(part.name(), part.bytes(), place(part.place())));
    part("total", plan.totalBytes(), "");
    if (plan.work() == MemoryPlace.GPU) {
      part("on the GPU", plan.bytes(MemoryPlace.GPU),
          fits(plan.bytes(MemoryPlace.GPU), model.availableAtFirst().gpuForPlans()));
    }
    part("to allocate", plan.hostBytes(),
        fits(plan.hostBytes(), model.availableAtFirst().hostForPlans()));
    if (!plan.fits(model.availableAtFirst())) {
      text.append(String.format(Locale.ROOT, "  the largest context that fits: %d tokens%n",
          model.largestContext(method)));
    }
  }

  private static String place(MemoryPlace place) {
    return place == MemoryPlace.HOST ? "" : " " + place;
  }

  private static String fits(long bytes, long available) {
    return bytes <= available
        ? " fits"
        : " does not fit in " + MemoryPlan.humanBytes(available);
  }

  private void fact(String name, String value) {
    text.append(String.format(Locale.ROOT, "%-11s %s%n", name, value));
  }

  private void part(String name, long bytes, String remark) {
    text.append(String.format(Locale.ROOT, "  %-18s %12s%s%n", name, MemoryPlan.humanBytes(bytes),
        remark));
  }
}
