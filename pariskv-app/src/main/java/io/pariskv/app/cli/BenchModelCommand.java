package io.pariskv.app.cli;

import io.pariskv.app.bench.ModelBench;
import io.pariskv.app.bench.ModelBench.Row;
import io.pariskv.generate.LoadOptions;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Times whole decode steps of a model with random weights. */
@Command(name = "model", mixinStandardHelpOptions = true, description = "Time whole decode steps of a model of a known shape with random weights; --method may name several with commas.")
public final class BenchModelCommand implements Callable<Integer> {
  private static final int MAX_CONTEXT = (1 << 21) - 2_048;
  private static final int MAX_STEPS = 100_000;
  private static final int MAX_BATCH = 256;

  @Spec
  private CommandSpec spec;
  @Mixin
  private MethodOptions method;
  @Mixin
  private ModelShapeOption shape;
  @Option(names = "--context", paramLabel = "N", split = ",", defaultValue = "131072", description = "Tokens held before the first step; several with commas (default: ${DEFAULT-VALUE}).")
  private List<Integer> contexts;
  @Option(names = "--batch", paramLabel = "N", defaultValue = "1", description = "Sequences decoded together (default: ${DEFAULT-VALUE}).")
  private int batch;
  @Option(names = "--lengths", paramLabel = "N", split = ",", description = "One batch of sequences of these lengths, instead of --context and --batch.")
  private @Nullable List<Integer> lengths;
  @Option(names = "--fill-kv", description = "Fill K and V with random rows instead of prefilling a prompt.")
  private boolean fillKv;
  @Option(names = "--prefill", description = "Compare the time to the first token with that of full attention without offload, which makes no summaries and moves nothing.")
  private boolean prefill;
  @Option(names = "--steps", paramLabel = "N", defaultValue = "50", description = "Timed steps a method (default: ${DEFAULT-VALUE}).")
  private int steps;
  @Mixin
  private LoadingOptions loading;
  @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Seed of weights and rows (default: ${DEFAULT-VALUE}).")
  private long seed;
  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    Usage.requireRange(spec, "--steps", steps, MAX_STEPS);
    Usage.requireRange(spec, "--batch", batch, MAX_BATCH);
    List<List<Integer>> batches = batches();
    List<AttentionMethod> methods = Usage.check(spec,
        () -> method.toMethods(ParisKvOptions.PUBLISHED));
    int longest = batches.stream().flatMap(List::stream).max(Integer::compare).orElseThrow();
    LoadOptions options = loading.toLoadOptions(spec, longest + steps);
    ModelBench.Settings settings = new ModelBench.Settings(shape.config(spec), fillKv, prefill,
        steps, seed);
    Consumer<String> progress = Terminal.progress(spec.commandLine().getErr());
    try (ModelBench bench = new ModelBench(settings, options)) {
      List<Row> rows = new ArrayList<>();
      for (List<Integer> each : batches) {
        methods.forEach(chosen -> rows.add(bench.measure(chosen, each, progress)));
      }
      print(bench, rows);
    }
    return 0;
  }

  /** The lengths of the sequences of every batch. */
  private List<List<Integer>> batches() {
    contexts.forEach(context -> Usage.requireRange(spec, "--context", context, MAX_CONTEXT));
    if (fillKv && prefill) {
      throw Usage.wrong(spec, "--prefill times a prompt, and --fill-kv leaves it out; give one");
    }
    if (lengths == null) {
      return contexts.stream().map(context -> Collections.nCopies(batch, context)).toList();
    }
    if (prefill || Stream.of("--context", "--batch").anyMatch(this::given)) {
      throw Usage.wrong(spec, "--lengths is a batch of its own; leave out --context, --batch and "
          + "--prefill");
    }
    lengths.forEach(length -> Usage.requireRange(spec, "--lengths", length, MAX_CONTEXT));
    Usage.requireRange(spec, "--lengths: the number of sequences", lengths.size(), MAX_BATCH);
    return List.of(lengths);
  }

  private boolean given(String flag) {
    return spec.commandLine().getParseResult().hasMatchedOption(flag);
  }

  private void print(ModelBench bench, List<Row> rows) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(toJson(bench, rows));
      return;
    }
    out.printf(Locale.ROOT, "%s, random weights, on %s (%s)%n", shape.name, bench.backend().name(),
        bench.backend().description());
    out.printf(Locale.ROOT, "%-10s %9s %5s %10s %10s %10s %10s %12s %10s %10s %10s%n", "method",
        "context", "batch", "K and V", "prefill s", "ms median", "ms p95", "tokens/s", "bus", "GPU",
        "host");
    for (Row row : rows) {
      out.printf(Locale.ROOT,
          "%-10s %9d %5d %10s %10.2f %10.3f %10.3f %12.1f %10s %10s %10s%n", row.method(),
          row.context(), row.sequences().size(), row.placement().name().toLowerCase(Locale.ROOT),
          row.prefill().seconds(), row.msMedian(), row.msP95(), row.tokensPerSecond(),
          MemoryPlan.humanBytes(row.busBytes()), MemoryPlan.humanBytes(row.gpuBytes()),
          MemoryPlan.humanBytes(row.hostBytes()));
      if (row.hitRate() != null) {
        out.printf(Locale.ROOT, "  %.0f%% of the selected rows were in the cache of rows%n",
            100 * row.hitRate());
      }
      if (row.prefill().referenceSeconds() != null) {
        out.printf(Locale.ROOT,
            "  prefill without summaries and offload: %.2f s, so they take %.1f%%; "
                + "commits take %.1f%%%n",
            row.prefill().referenceSeconds(), 100 * overReference(row.prefill()),
            100 * row.prefill().commitSeconds() / row.prefill().seconds());
      }
    }
  }

  private static double overReference(ModelBench.Prefill prefill) {
    Double reference = prefill.referenceSeconds();
    return reference == null ? 0 : 1 - reference / prefill.seconds();
  }

  private ObjectNode toJson(ModelBench bench, List<Row> rows) {
    ObjectNode object = Json.MAPPER.createObjectNode();
    object.put("backend", bench.backend().name());
    object.put("description", bench.backend().description());
    object.put("shape", shape.name);
    object.put("filled", fillKv);
    ArrayNode array = object.putArray("rows");
    for (Row row : rows) {
      ObjectNode node = array.addObject();
      node.put("method", row.method());
      node.put("context", row.context());
      node.put("batch", row.sequences().size());
      node.put("kv_placement", row.placement().name().toLowerCase(Locale.ROOT));
      node.put("prefill_seconds", row.prefill().seconds());
      node.put("ms_median", row.msMedian());
      node.put("ms_p95", row.msP95());
      node.put("tokens_per_second", row.tokensPerSecond());
      node.put("attended_tokens", row.attendedTokens());
      node.put("bus_bytes_per_step", row.busBytes());
      node.put("pcie_bytes_per_token", row.busBytes() / row.sequences().size());
      node.put("row_cache_hit_rate", row.hitRate());
      node.put("gpu_bytes", row.gpuBytes());
      node.put("host_bytes", row.hostBytes());
      node.put("pinned_bytes", row.pinnedBytes());
      if (row.pinSecondsPerGib() != null) {
        node.put("pin_seconds_per_gib", row.pinSecondsPerGib());
      }
      if (prefill) {
        add(node.putObject("prefill"), row);
      }
      ArrayNode sequences = node.putArray("sequences");
      for (ModelBench.Sequence sequence : row.sequences()) {
        sequences.addObject().put("tokens", sequence.tokens()).put("attended_tokens",
            sequence.attendedTokens());
      }
    }
    return object;
  }

  private static void add(ObjectNode node, Row row) {
    ModelBench.Prefill prefill = row.prefill();
    node.put("first_token_seconds", prefill.seconds());
    node.put("tokens_per_second", row.context() / prefill.seconds());
    node.put("reference_seconds", prefill.referenceSeconds());
    node.put("reference", "full attention, K and V where the stages work");
    if (prefill.referenceSeconds() != null) {
      node.put("share_over_reference", overReference(prefill));
    }
    node.put("commit_seconds", prefill.commitSeconds());
    node.put("commit_share", prefill.commitSeconds() / prefill.seconds());
  }
}
