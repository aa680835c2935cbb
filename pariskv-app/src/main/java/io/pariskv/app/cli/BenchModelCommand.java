package io.pariskv.app.cli;

import io.pariskv.app.bench.ModelBench;
import io.pariskv.app.bench.ModelBench.Row;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Offload;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.model.ModelShapes;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
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
  @Option(names = "--shape", paramLabel = "NAME", defaultValue = "llama-3.2-1b", description = "llama-3.1-8b, llama-3.2-3b, llama-3.2-1b, qwen3-8b or qwen3-4b (default: ${DEFAULT-VALUE}).")
  private String shape;
  @Option(names = "--context", paramLabel = "N", split = ",", defaultValue = "131072", description = "Tokens held before the first step; several with commas (default: ${DEFAULT-VALUE}).")
  private List<Integer> contexts;
  @Option(names = "--batch", paramLabel = "N", defaultValue = "1", description = "Sequences decoded together (default: ${DEFAULT-VALUE}).")
  private int batch;
  @Option(names = "--fill-kv", description = "Fill K and V with random rows instead of prefilling a prompt.")
  private boolean fillKv;
  @Option(names = "--steps", paramLabel = "N", defaultValue = "50", description = "Timed steps a method (default: ${DEFAULT-VALUE}).")
  private int steps;
  @Option(names = "--backend", paramLabel = "NAME", defaultValue = "auto", description = "auto, cuda, vector or scalar (default: ${DEFAULT-VALUE}).")
  private String backend;
  @Option(names = "--offload", paramLabel = "WHERE", defaultValue = "auto", description = "on, off or auto: whether K and V live in host memory beside a GPU (default: ${DEFAULT-VALUE}).")
  private Offload offload;
  @Option(names = "--prefill-chunk", paramLabel = "N", defaultValue = "0", description = "Prompt tokens of one pass (default: the backend's choice).")
  private int prefillChunk;
  @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Seed of weights and rows (default: ${DEFAULT-VALUE}).")
  private long seed;
  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    Usage.requireRange(spec, "--steps", steps, MAX_STEPS);
    Usage.requireRange(spec, "--batch", batch, MAX_BATCH);
    contexts.forEach(context -> Usage.requireRange(spec, "--context", context, MAX_CONTEXT));
    Usage.backend(spec, backend);
    List<AttentionMethod> methods = Usage.check(spec,
        () -> Stream.of(method.method.split(",", -1)).map(method::named).toList());
    int longest = contexts.stream().max(Integer::compare).orElseThrow();
    LoadOptions options = Usage.check(spec,
        () -> new LoadOptions(backend, DType.BF16, prefillChunk, offload, longest + steps));
    ModelBench.Settings settings = Usage.check(spec, () -> new ModelBench.Settings(shape,
        ModelShapes.named(shape), batch, fillKv, steps, seed));
    PrintWriter err = spec.commandLine().getErr();
    try (ModelBench bench = new ModelBench(settings, options)) {
      List<Row> rows = new ArrayList<>();
      for (int context : contexts) {
        for (AttentionMethod each : methods) {
          rows.add(bench.measure(each, context, line -> {
            if (Terminal.isInteractive()) {
              err.print("\r" + line);
              err.flush();
            }
          }));
        }
      }
      print(bench, rows);
    }
    return 0;
  }

  private void print(ModelBench bench, List<Row> rows) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(toJson(bench, rows));
      return;
    }
    out.printf(Locale.ROOT, "%s, random weights, batch %d, on %s (%s)%n", shape, batch,
        bench.backend().name(), bench.backend().description());
    out.printf(Locale.ROOT, "%-9s %9s %10s %10s %10s %10s %12s %10s %10s %10s%n", "method",
        "context", "K and V", "prefill s", "ms median", "ms p95", "tokens/s", "bus", "GPU",
        "pinned");
    for (Row row : rows) {
      out.printf(Locale.ROOT, "%-9s %9d %10s %10.2f %10.3f %10.3f %12.1f %10s %10s %10s%n",
          row.method(), row.context(), row.placement().name().toLowerCase(Locale.ROOT),
          row.prefillSeconds(), row.msMedian(), row.msP95(), row.tokensPerSecond(),
          MemoryPlan.humanBytes(row.busBytes()), MemoryPlan.humanBytes(row.gpuBytes()),
          MemoryPlan.humanBytes(row.pinnedBytes()));
    }
  }

  private ObjectNode toJson(ModelBench bench, List<Row> rows) {
    ObjectNode object = Json.MAPPER.createObjectNode();
    object.put("backend", bench.backend().name());
    object.put("description", bench.backend().description());
    object.put("shape", shape);
    object.put("batch", batch);
    object.put("filled", fillKv);
    ArrayNode array = object.putArray("rows");
    for (Row row : rows) {
      ObjectNode node = array.addObject();
      node.put("method", row.method());
      node.put("context", row.context());
      node.put("kv_placement", row.placement().name().toLowerCase(Locale.ROOT));
      node.put("prefill_seconds", row.prefillSeconds());
      node.put("ms_median", row.msMedian());
      node.put("ms_p95", row.msP95());
      node.put("tokens_per_second", row.tokensPerSecond());
      node.put("attended_tokens", row.attendedTokens());
      node.put("bus_bytes_per_step", row.busBytes());
      node.put("gpu_bytes", row.gpuBytes());
      node.put("pinned_bytes", row.pinnedBytes());
    }
    return object;
  }
}
