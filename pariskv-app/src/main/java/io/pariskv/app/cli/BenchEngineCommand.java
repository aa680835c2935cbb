package io.pariskv.app.cli;

import io.pariskv.app.bench.EngineBench;
import io.pariskv.app.bench.EngineBench.Row;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.method.AttentionMethod;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Times the engine with several streams at once. */
@Command(name = "engine", mixinStandardHelpOptions = true, description = "Time prompts of random tokens that arrive together, and the decode steps of all of them in one batch; --streams may name several numbers with commas.")
public final class BenchEngineCommand implements Callable<Integer> {
  private static final int MAX_STREAMS = 256;
  private static final int MAX_TOKENS = 1 << 24;
  private static final int MAX_STEPS = 100_000;

  @Spec
  private CommandSpec spec;
  @Mixin
  private BundledModelOption model;
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
  @Option(names = "--chunk", paramLabel = "N", defaultValue = "0", description = "Most prompt tokens between two decode steps, 0 for --prefill-chunk (default: ${DEFAULT-VALUE}).")
  private int chunk;
  @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Seed of the prompts (default: ${DEFAULT-VALUE}).")
  private long seed;
  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    streams.forEach(each -> Usage.requireRange(spec, "--streams", each, MAX_STREAMS));
    Usage.requireRange(spec, "--prompt", prompt, MAX_TOKENS);
    Usage.requireRange(spec, "--steps", steps, MAX_STEPS);
    AttentionMethod chosen = Usage.check(spec, method::toMethod);
    LoadOptions options = loading.toLoadOptions(spec, 0);
    List<Row> rows = new ArrayList<>();
    try (LanguageModel loaded = LanguageModel.load(model.directory, options)) {
      run(loaded, chosen, streams.getFirst()); // nothing is compiled yet, and no kernel loaded
      for (int count : streams) {
        rows.add(run(loaded, chosen, count));
      }
      print(loaded, chosen, rows);
    }
    return 0;
  }

  private Row run(LanguageModel loaded, AttentionMethod chosen, int count) {
    return EngineBench.run(loaded, chosen, count, prompt, steps, chunk, seed);
  }

  private void print(LanguageModel loaded, AttentionMethod chosen, List<Row> rows) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(toJson(loaded, chosen, rows));
      return;
    }
    out.printf(Locale.ROOT, "%s on %s (%s), method %s%n", loaded.name(), loaded.backend().name(),
        loaded.backend().description(), chosen.name());
    out.printf(Locale.ROOT, "%7s %8s %14s %14s %14s %14s%n", "streams", "prompt", "all begun, s",
        "prompt tok/s", "pause, ms", "decode tok/s");
    for (Row row : rows) {
      out.printf(Locale.ROOT, "%7d %8d %14.3f %14.0f %14.1f %14.1f%n", row.streams(),
          row.promptTokens(), row.prefillSeconds(), row.promptTokensPerSecond(),
          row.longestPauseMs(), row.tokensPerSecond());
    }
  }

  private static ObjectNode toJson(LanguageModel loaded, AttentionMethod chosen, List<Row> rows) {
    ObjectNode object = Json.MAPPER.createObjectNode();
    object.put("model", loaded.name());
    object.put("backend", loaded.backend().name());
    object.put("description", loaded.backend().description());
    object.put("method", chosen.name());
    ArrayNode array = object.putArray("rows");
    for (Row row : rows) {
      ObjectNode node = array.addObject();
      node.put("streams", row.streams());
      node.put("prompt_tokens", row.promptTokens());
      node.put("steps", row.steps());
      node.put("prefill_seconds", row.prefillSeconds());
      node.put("prompt_tokens_per_s", row.promptTokensPerSecond());
      node.put("longest_pause_ms", row.longestPauseMs());
      node.put("decode_seconds", row.decodeSeconds());
      node.put("tokens_per_s", row.tokensPerSecond());
    }
    return object;
  }
}
