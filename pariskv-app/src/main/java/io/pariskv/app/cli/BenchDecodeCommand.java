package io.pariskv.app.cli;

import io.pariskv.app.bench.DecodeBench;
import io.pariskv.app.bench.DecodeBench.Row;
import io.pariskv.kv.KvShape;
import io.pariskv.method.AttentionMethod;
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

/** Times decode attention of one layer over a synthetic cache. */
@Command(name = "decode", mixinStandardHelpOptions = true, description = "Fill the cache of one layer with random rows and time decode steps; --method may name several with commas, whose steps are interleaved.")
public final class BenchDecodeCommand implements Callable<Integer> {
  private static final int MAX_CONTEXT = 1 << 24;
  private static final int MAX_STEPS = 1_000_000;

  @Spec
  private CommandSpec spec;
  @Mixin
  private MethodOptions method;
  @Option(names = "--context", paramLabel = "N", split = ",", defaultValue = "131072", description = "Tokens held; several with commas (default: ${DEFAULT-VALUE}).")
  private List<Integer> contexts;
  @Mixin
  private AttentionShapeOptions geometry;
  @Option(names = "--steps", paramLabel = "N", defaultValue = "100", description = "Timed steps a method (default: ${DEFAULT-VALUE}).")
  private int steps;
  @Mixin
  private BackendOption backend;
  @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Seed of the rows (default: ${DEFAULT-VALUE}).")
  private long seed;
  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    Usage.requireRange(spec, "--steps", steps, MAX_STEPS);
    contexts.forEach(context -> Usage.requireRange(spec, "--context", context, MAX_CONTEXT));
    List<AttentionMethod> methods = Usage.check(spec,
        () -> method.toMethods(ParisKvOptions.PUBLISHED));
    KvShape shape = geometry.toShape(spec, methods);
    DecodeBench.Report report = DecodeBench.run(backend.name(spec), shape, contexts, methods, steps,
        seed);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(toJson(report));
    } else {
      print(report, out);
    }
    return 0;
  }

  private static ObjectNode toJson(DecodeBench.Report report) {
    ObjectNode object = Json.MAPPER.createObjectNode();
    object.put("backend", report.backend());
    object.put("description", report.description());
    object.put("shape", report.shape().toString());
    ArrayNode rows = object.putArray("rows");
    for (Row row : report.rows()) {
      ObjectNode node = rows.addObject();
      node.put("method", row.method());
      node.put("context", row.context());
      node.put("ms_median", row.msMedian());
      node.put("ms_p95", row.msP95());
      node.put("bytes_read", row.bytesRead());
      node.put("attended_tokens", row.attendedTokens());
      node.put("gb_per_s", row.gigabytesPerSecond());
    }
    return object;
  }

  private static void print(DecodeBench.Report report, PrintWriter out) {
    out.printf(Locale.ROOT, "%s (%s), %s%n", report.backend(), report.description(),
        report.shape());
    out.printf(Locale.ROOT, "%-10s %9s %10s %10s %12s %9s %9s%n", "method", "context", "ms median",
        "ms p95",
        "bytes read", "attended", "GB/s");
    for (Row row : report.rows()) {
      out.printf(Locale.ROOT, "%-10s %9d %10.3f %10.3f %12d %9.0f %9.1f%n", row.method(),
          row.context(), row.msMedian(), row.msP95(), row.bytesRead(), row.attendedTokens(),
          row.gigabytesPerSecond());
    }
  }
}
