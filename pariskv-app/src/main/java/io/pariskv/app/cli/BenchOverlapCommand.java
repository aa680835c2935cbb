package io.pariskv.app.cli;

import io.pariskv.app.bench.OverlapBench;
import io.pariskv.eval.recall.RecallDocument;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import java.io.PrintWriter;
import java.nio.file.Path;
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

/** Says how much decode steps of a real answer select in common. */
@Command(name = "overlap", mixinStandardHelpOptions = true, description = "Say how much of what a decode step of a real answer selects the step before had selected, and what caches of rows of several sizes would hit; --k and --times may name several with commas.")
public final class BenchOverlapCommand implements Callable<Integer> {
  private static final int MIN_TOKENS = 300;
  private static final int MAX_TOKENS = 1_000_000;
  private static final int MAX_STEPS = 10_000;
  private static final int MOST_TIMES = 64;

  @Spec
  private CommandSpec spec;
  @Mixin
  private BackendOption backend;
  @Mixin
  private BundledModelOption model;
  @Option(names = "--prompt-file", paramLabel = "FILE", description = "What is asked (default: a document in the bundled model's language, with a path to follow).")
  private @Nullable Path promptFile;
  @Option(names = "--tokens", paramLabel = "N", defaultValue = "16384", description = "Tokens of that document (default: ${DEFAULT-VALUE}).")
  private int tokens;
  @Option(names = "--steps", paramLabel = "N", defaultValue = "280", description = "Tokens of the answer (default: ${DEFAULT-VALUE}).")
  private int steps;
  @Option(names = "--k", paramLabel = "N", split = ",", defaultValue = "100,512,2048", description = "Keys retrieved a step (default: ${DEFAULT-VALUE}).")
  private List<Integer> ks;
  @Option(names = "--times", paramLabel = "N", split = ",", defaultValue = "1,2,4", description = "Rows of the caches, in times --k (default: ${DEFAULT-VALUE}).")
  private List<Integer> times;
  @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Seed of the document (default: ${DEFAULT-VALUE}).")
  private long seed;
  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  /** The answer with one k. */
  private record Row(int k, OverlapBench.Result result) {
  }

  @Override
  public Integer call() {
    Usage.requireRange(spec, "--steps", steps, MAX_STEPS);
    if (tokens < MIN_TOKENS || tokens > MAX_TOKENS) {
      throw Usage.wrong(spec,
          "--tokens " + tokens + " must be from " + MIN_TOKENS + " to " + MAX_TOKENS);
    }
    times.forEach(each -> Usage.requireRange(spec, "--times", each, MOST_TIMES));
    List<ParisKv> methods = Usage.check(spec, () -> ks.stream().map(k -> new ParisKv(
        ParisKvConfig.paper().withBudget(new RetrievalBudget(k, null, null)))).toList());
    LoadOptions loading = LoadOptions.defaults().withBackend(backend.name(spec));
    String prompt = promptFile != null
        ? Prompts.read(promptFile)
        : RecallDocument.path(tokens, hops(), seed).text();
    List<Row> rows = new ArrayList<>();
    try (LanguageModel loaded = LanguageModel.load(model.directory, loading)) {
      for (ParisKv method : methods) {
        int k = method.selectedKeys();
        rows.add(new Row(k, OverlapBench.run(loaded, method, prompt,
            times.stream().map(each -> Math.multiplyExact(each, k)).toList(), steps)));
      }
      print(loaded, rows);
    }
    return 0;
  }

  private int hops() {
    return Math.clamp(steps / RecallDocument.SENTENCE_TOKENS, 1,
        tokens / RecallDocument.SENTENCE_TOKENS - 5);
  }

  private void print(LanguageModel loaded, List<Row> rows) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(toJson(loaded, rows));
      return;
    }
    out.printf(Locale.ROOT, "%s, a prompt of %d tokens, %d steps%n", loaded.name(),
        rows.getFirst().result.answer().promptTokens(),
        rows.getFirst().result.answer().decodeSteps());
    for (Row row : rows) {
      out.printf(Locale.ROOT, "k %5d: steps overlap by %4.1f%% (KV heads: %.1f%% to %.1f%%)%n",
          row.k, 100 * row.result.overlap(), 100 * row.result.lowest(),
          100 * row.result.highest());
      for (int i = 0; i < times.size(); i++) {
        out.printf(Locale.ROOT, "  a cache of %6d rows hits %4.1f%%%n", times.get(i) * row.k,
            100 * row.result.hitRates().get(i));
      }
    }
  }

  private ObjectNode toJson(LanguageModel loaded, List<Row> rows) {
    ObjectNode object = Json.MAPPER.createObjectNode();
    object.put("model", loaded.name());
    ArrayNode array = object.putArray("rows");
    for (Row row : rows) {
      ObjectNode node = array.addObject();
      node.put("k", row.k);
      node.put("prompt_tokens", row.result.answer().promptTokens());
      node.put("steps", row.result.answer().decodeSteps());
      node.put("overlap", row.result.overlap());
      node.put("overlap_lowest", row.result.lowest());
      node.put("overlap_highest", row.result.highest());
      ArrayNode caches = node.putArray("caches");
      for (int i = 0; i < times.size(); i++) {
        caches.addObject().put("rows", times.get(i) * row.k).put("hit_rate",
            row.result.hitRates().get(i));
      }
    }
    return object;
  }
}
