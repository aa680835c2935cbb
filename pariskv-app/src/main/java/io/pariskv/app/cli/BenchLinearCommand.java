package io.pariskv.app.cli;

import io.pariskv.app.bench.LinearBench;
import io.pariskv.app.bench.LinearBench.Row;
import io.pariskv.model.ModelConfig;
import java.io.PrintWriter;
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

/** Times the linear layers of a decode step. */
@Command(name = "linear", mixinStandardHelpOptions = true, description = "Time all linear layers of a decode step of a model of a known shape with random weights, in one recorded step.")
public final class BenchLinearCommand implements Callable<Integer> {
  private static final int MAX_STEPS = 100_000;
  private static final int MAX_BATCH = 256;

  @Spec
  private CommandSpec spec;
  @Mixin
  private BackendOption backend;
  @Mixin
  private ModelShapeOption shape;
  @Option(names = "--batch", paramLabel = "N", split = ",", defaultValue = "1", description = "Sequences decoded together; several with commas (default: ${DEFAULT-VALUE}).")
  private List<Integer> batches;
  @Option(names = "--steps", paramLabel = "N", defaultValue = "40", description = "Timed steps (default: ${DEFAULT-VALUE}).")
  private int steps;
  @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Seed of the weights (default: ${DEFAULT-VALUE}).")
  private long seed;
  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    batches.forEach(batch -> Usage.requireRange(spec, "--batch", batch, MAX_BATCH));
    Usage.requireRange(spec, "--steps", steps, MAX_STEPS);
    ModelConfig config = shape.config(spec);
    try (LinearBench bench = new LinearBench(backend.name(spec), config, batches, seed)) {
      List<Row> rows = bench.run(steps);
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        out.println(toJson(bench, rows));
      } else {
        print(bench, rows, out);
      }
    }
    return 0;
  }

  private ObjectNode toJson(LinearBench bench, List<Row> rows) {
    ObjectNode object = Json.MAPPER.createObjectNode();
    object.put("backend", bench.backend().name());
    object.put("description", bench.backend().description());
    object.put("shape", shape.name);
    ArrayNode array = object.putArray("rows");
    for (Row row : rows) {
      ObjectNode node = array.addObject();
      node.put("batch", row.batch());
      node.put("ms_median", row.msMedian());
      node.put("ms_p95", row.msP95());
      node.put("bytes", row.bytes());
      node.put("bandwidth_gb_s", row.gigabytesPerSecond());
    }
    return object;
  }

  private void print(LinearBench bench, List<Row> rows, PrintWriter out) {
    out.printf(Locale.ROOT, "linear layers of %s, random weights, on %s (%s)%n", shape.name,
        bench.backend().name(), bench.backend().description());
    out.printf(Locale.ROOT, "%5s %10s %10s %14s %9s%n", "batch", "ms median", "ms p95", "bytes",
        "GB/s");
    for (Row row : rows) {
      out.printf(Locale.ROOT, "%5d %10.3f %10.3f %14d %9.1f%n", row.batch(), row.msMedian(),
          row.msP95(), row.bytes(), row.gigabytesPerSecond());
    }
  }
}
