package io.pariskv.app.cli;

import io.pariskv.app.bench.EngineBench;
import io.pariskv.app.bench.EngineBench.Beside;
import io.pariskv.app.bench.EngineBench.Load;
import io.pariskv.app.bench.EngineBench.Row;
import io.pariskv.app.bench.Latency;
import io.pariskv.engine.EngineOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.method.AttentionMethod;
import io.pariskv.model.ModelConfig;
import io.pariskv.model.ModelShapes;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Times the engine with several streams at once. */
@Command(name = "engine", mixinStandardHelpOptions = true, description = "Time streams that decode in one batch: prompts of random tokens that arrive together, their answers, and what becomes of these while a long prompt is read; --streams may name several numbers with commas.")
public final class BenchEngineCommand implements Callable<Integer> {
  private static final int MAX_STREAMS = EngineOptions.MAX_PLACES - 1;
  private static final int MAX_TOKENS = 1 << 24;
  private static final int MAX_STEPS = 100_000;

  @Spec
  private CommandSpec spec;
  @Option(names = "--model", paramLabel = "DIR", description = "Model directory (default: the bundled one).")
  private Path model = Path.of(System.getProperty("pariskv.home", "."), "models", "recall-12m");
  @Option(names = "--shape", paramLabel = "NAME", description = "A model of this shape with random weights instead: llama-3.1-8b, llama-3.2-3b, llama-3.2-1b, qwen3-8b or qwen3-4b.")
  private @Nullable String shape;
  @Option(names = "--context", paramLabel = "N", defaultValue = "0", description = "Most tokens of a stream, 0 for as many as fit (default: ${DEFAULT-VALUE}).")
  private int context;
  @Mixin
  private LoadingOptions loading;
  @Mixin
  private MethodOptions method;
  @Option(names = "--streams", paramLabel = "N", split = ",", defaultValue = "1,2,4,8", description = "Requests at once (default: ${DEFAULT-VALUE}).")
  private List<Integer> streams;
  @Option(names = "--prompt", paramLabel = "N", defaultValue = "2048", description = "Tokens of each prompt (default: ${DEFAULT-VALUE}).")
  private int prompt;
  @Option(names = "--steps", paramLabel = "N", defaultValue = "64", description = "Timed decode steps (default: ${DEFAULT-VALUE}).")
  private int steps;
  @Option(names = "--long-prompt", paramLabel = "N", defaultValue = "0", description = "Tokens of a prompt that arrives while the streams decode, 0 for none (default: ${DEFAULT-VALUE}).")
  private int longPrompt;
  @Option(names = "--chunk", paramLabel = "N", defaultValue = "0", description = "Most prompt tokens of a pass, 0 for --prefill-chunk (default: ${DEFAULT-VALUE}).")
  private int chunk;
  @Option(names = "--max-stall-ms", paramLabel = "N", defaultValue = "100", description = "Longest wait of a stream while prompts are read, or a layer's time (default: ${DEFAULT-VALUE}).")
  private int maxStall;
  @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Seed of prompts and random weights (default: ${DEFAULT-VALUE}).")
  private long seed;
  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    streams.forEach(each -> Usage.requireRange(spec, "--streams", each, MAX_STREAMS));
    Usage.requireRange(spec, "--prompt", prompt, MAX_TOKENS);
    Usage.requireRange(spec, "--steps", steps, MAX_STEPS);
    Usage.requireRange(spec, "--long-prompt", longPrompt + 1, MAX_TOKENS);
    EngineOptions options = Usage.check(spec, () -> EngineOptions.defaults().withChunk(chunk)
        .withMaxStall(Duration.ofMillis(maxStall)));
    AttentionMethod chosen = Usage.check(spec, method::toMethod);
    Load load = new Load(prompt, steps, longPrompt, options, seed);
    try (LanguageModel loaded = load()) {
      EngineBench bench = new EngineBench(loaded, chosen, load);
      new EngineBench(loaded, chosen, new Load(prompt, steps, 0, options, seed))
          .run(streams.getFirst()); // nothing is compiled yet, and no kernel loaded
      Double alone = longPrompt == 0 ? null : bench.longPromptAlone();
      List<Row> rows = new ArrayList<>();
      streams.forEach(count -> rows.add(bench.run(count)));
      print(loaded, chosen, rows, alone);
    }
    return 0;
  }

  private LanguageModel load() {
    LoadOptions options = loading.toLoadOptions(spec, context);
    String name = shape;
    if (name == null) {
      return LanguageModel.load(model, options);
    }
    ModelConfig config = Usage.check(spec, () -> ModelShapes.named(name));
    return LanguageModel.random(name, config, options, seed);
  }

  private void print(LanguageModel loaded, AttentionMethod chosen, List<Row> rows,
      @Nullable Double alone) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(toJson(loaded, chosen, rows, alone));
      return;
    }
    out.printf(Locale.ROOT, "%s on %s (%s), method %s, prompts of %d tokens%n", loaded.name(),
        loaded.backend().name(), loaded.backend().description(), chosen.name(), prompt);
    out.printf(Locale.ROOT, "%7s %28s %32s %10s%n", "streams", "first token, s: p50, p99",
        "between tokens, ms: p50, p99", "tokens/s");
    for (Row row : rows) {
      out.printf(Locale.ROOT, "%7d %19.3f %8.3f %23.2f %8.2f %10.1f%n", row.streams(),
          row.firstToken().p50() / 1e3, row.firstToken().p99() / 1e3, row.betweenTokens().p50(),
          row.betweenTokens().p99(), row.tokensPerSecond());
      Beside beside = row.beside();
      if (beside != null && alone != null) {
        out.printf(Locale.ROOT,
            "        beside a prompt of %d tokens, %.2f s (%.2f alone): p50 %.2f, p99 %.2f, "
                + "longest %.2f ms, %.1f tokens/s%n",
            longPrompt, beside.seconds(), alone, beside.betweenTokens().p50(),
            beside.betweenTokens().p99(), beside.betweenTokens().max(), beside.tokensPerSecond());
      }
    }
  }

  private ObjectNode toJson(LanguageModel loaded, AttentionMethod chosen, List<Row> rows,
      @Nullable Double alone) {
    ObjectNode object = Json.MAPPER.createObjectNode();
    object.put("model", loaded.name());
    object.put("backend", loaded.backend().name());
    object.put("description", loaded.backend().description());
    object.put("method", chosen.name());
    object.put("kv_placement", loaded.plan().placement(chosen).name().toLowerCase(Locale.ROOT));
    object.put("prompt_tokens", prompt);
    object.put("steps", steps);
    object.put("max_stall_ms", maxStall);
    object.put("long_prompt_tokens", longPrompt);
    object.put("long_prompt_alone_seconds", alone);
    ArrayNode array = object.putArray("rows");
    for (Row row : rows) {
      ObjectNode node = array.addObject();
      node.put("streams", row.streams());
      put(node.putObject("first_token_ms"), row.firstToken());
      put(node.putObject("between_tokens_ms"), row.betweenTokens());
      node.put("tokens_per_s", row.tokensPerSecond());
      Beside beside = row.beside();
      if (beside != null) {
        ObjectNode inner = node.putObject("beside_long_prompt");
        inner.put("seconds", beside.seconds());
        put(inner.putObject("between_tokens_ms"), beside.betweenTokens());
        inner.put("tokens_per_s", beside.tokensPerSecond());
      }
    }
    return object;
  }

  private static void put(ObjectNode node, Latency latency) {
    node.put("count", latency.count());
    node.put("p50", latency.p50());
    node.put("p99", latency.p99());
    node.put("max", latency.max());
  }
}
