package io.pariskv.app.cli;

import io.pariskv.app.bench.AttentionBench;
import io.pariskv.app.bench.AttentionBench.Contender;
import io.pariskv.app.bench.AttentionBench.Row;
import io.pariskv.app.bench.AttentionBench.Stage;
import io.pariskv.error.InputException;
import io.pariskv.generate.Offload;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import java.io.PrintWriter;
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

/** Times decode attention of one layer as it runs in a model, stage by stage. */
@Command(name = "attention", mixinStandardHelpOptions = true, description = "Time decode attention of one layer, stage by stage, where the stages run: several layers in turn in one recorded step, so that none finds its data in a cache: by default they read 4 times the largest. --context, --batch, --method, --k, --preset and --group may name several with commas.")
public final class BenchAttentionCommand implements Callable<Integer> {
  @Spec
  private CommandSpec spec;
  @Mixin
  private BackendOption backend;
  @Mixin
  private AttentionShapeOptions geometry;
  @Mixin
  private AttentionTimingOptions timing;
  @Option(names = "--context", paramLabel = "N", split = ",", defaultValue = "131072", description = "Tokens held (default: ${DEFAULT-VALUE}).")
  private List<Integer> contexts;
  @Option(names = "--method", paramLabel = "NAME", split = ",", defaultValue = "full,pariskv", description = "full or pariskv (default: ${DEFAULT-VALUE}).")
  private List<String> methods;
  @Option(names = "--k", paramLabel = "N", split = ",", defaultValue = "100", description = "Keys that pariskv retrieves (default: ${DEFAULT-VALUE}).")
  private List<Integer> ks;
  @Option(names = "--preset", paramLabel = "NAME", split = ",", defaultValue = "paper", description = "Other settings of pariskv: paper, sharp, ruler, gpqa or throughput (default: ${DEFAULT-VALUE}).")
  private List<String> presets;
  @Option(names = "--group", paramLabel = "HOW", split = ",", defaultValue = "mean", description = "What the query heads of a KV head retrieve by: their mean query, or per-head, each for itself (default: ${DEFAULT-VALUE}).")
  private List<String> groups;
  @Option(names = "--offload", paramLabel = "WHERE", defaultValue = "auto", description = "on or off: whether K and V live in host memory beside a GPU; auto: those of pariskv do, those of full if they do not fit (default: ${DEFAULT-VALUE}).")
  private Offload offload;
  @Option(names = "--row-cache", paramLabel = "ROWS", defaultValue = "auto", description = "Where K and V are in host memory: selected rows that a GPU keeps for each KV head of a layer, off for none, auto for twice --k from 512 on (default: ${DEFAULT-VALUE}).")
  private String rowCache;
  @Option(names = "--query-correlation", paramLabel = "R", defaultValue = "0", description = "Of a query with that of the next step, 0 to 1: the more, the more of what a step selects the next selects again (default: ${DEFAULT-VALUE}).")
  private double correlation;
  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    timing.check(spec, contexts);
    if (!(correlation >= 0 && correlation <= 1)) {
      throw Usage.wrong(spec, "--query-correlation " + correlation + " must be from 0 to 1");
    }
    List<Contender> chosen = Usage.check(spec,
        () -> methods.stream().flatMap(this::named).toList());
    KvShape shape = geometry.toShape(spec, chosen.stream().map(Contender::method).toList());
    AttentionBench.Settings settings = new AttentionBench.Settings(shape, contexts, timing.batches,
        chosen, offload, Usage.check(spec, () -> RowCacheSize.parse(rowCache)), timing.layers,
        timing.queries,
        correlation, timing.steps, timing.seed);
    try (AttentionBench bench = new AttentionBench(backend.name(spec), settings)) {
      List<Row> rows = bench.run(Terminal.progress(spec.commandLine().getErr()));
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        out.println(toJson(bench, shape, rows));
      } else {
        print(bench, shape, rows, out);
      }
    }
    return 0;
  }

  private Stream<Contender> named(String name) {
    List<Contender> retrieving = presets.stream()
        .flatMap(preset -> groups.stream().flatMap(group -> retrieving(preset, group))).toList();
    return switch (name) {
      case "full" -> Stream.of(new Contender(name, new FullAttention()));
      case "pariskv" -> retrieving.stream();
      default -> throw new InputException(
          "method '" + name + "' is not known; choose one of full, pariskv");
    };
  }

  /** Named by what differs from the published method. */
  private Stream<Contender> retrieving(String preset, String group) {
    Grouping grouping = ParisKvOptions.grouping(group);
    ParisKvConfig config = ParisKvConfig.preset(preset).withGrouping(grouping);
    RetrievalBudget budget = config.budget();
    String name = "pariskv" + (preset.equals("paper") ? "" : " " + preset)
        + (grouping == Grouping.MEAN ? "" : " " + group);
    return ks.stream().map(k -> new Contender(name, new ParisKv(config.withBudget(
        new RetrievalBudget(k, budget.candidateRatio(), budget.collisionRatio(),
            budget.candidates())))));
  }

  private static String cache(Row row) {
    return (row.cold() ? "cold L2: " : "warm L2: ") + row.layers() + " layers in turn";
  }

  /** How much steps select in common, and what of it a cache of rows had. */
  private static String selection(Row row) {
    Double overlap = row.overlap();
    Double hitRate = row.hitRate();
    return (overlap == null
        ? ""
        : String.format(Locale.ROOT, ", steps overlap by %.0f%%", 100 * overlap))
        + (hitRate == null
            ? ""
            : String.format(Locale.ROOT, ", %.0f%% of rows in a cache of %d", 100 * hitRate,
                row.cachedRows()));
  }

  private ObjectNode toJson(AttentionBench bench, KvShape shape, List<Row> rows) {
    ObjectNode object = Json.MAPPER.createObjectNode();
    object.put("backend", bench.backend().name());
    object.put("description", bench.backend().description());
    object.put("shape", shape.toString());
    object.put("read_gb_s", bench.bandwidth().gigabytesPerSecond());
    object.put("read_measured_by", bench.bandwidth().how());
    object.put("queries", timing.queries);
    object.put("query_correlation", correlation);
    ArrayNode array = object.putArray("rows");
    for (Row row : rows) {
      ObjectNode node = array.addObject();
      node.put("method", row.method());
      node.put("context", row.context());
      node.put("batch", row.batch());
      node.put("k", row.k());
      node.put("kv_placement", row.placement().name().toLowerCase(Locale.ROOT));
      node.put("layers", row.layers());
      node.put("cache", cache(row));
      node.put("ms_median", row.msMedian());
      node.put("ms_p95", row.msP95());
      node.put("bytes", row.bytes().memory());
      node.put("pcie_bytes", row.bytes().bus());
      node.put("bandwidth_gb_s", row.gigabytesPerSecond());
      node.put("bandwidth_share",
          row.gigabytesPerSecond() / bench.bandwidth().gigabytesPerSecond());
      node.put("attended_tokens", row.attendedTokens());
      node.put("selection_overlap", row.overlap());
      node.put("row_cache", row.cachedRows());
      node.put("row_cache_hit_rate", row.hitRate());
      ArrayNode stages = node.putArray("stages");
      row.stages().forEach(stage -> add(stages.addObject(), stage));
    }
    return object;
  }

  private static void add(ObjectNode node, Stage stage) {
    node.put("name", stage.name());
    node.put("ms", stage.milliseconds());
    node.put("bytes", stage.bytes().memory());
    node.put("pcie_bytes", stage.bytes().bus());
    node.put("bandwidth_share", stage.bandwidthShare());
  }

  private static void print(AttentionBench bench, KvShape shape, List<Row> rows, PrintWriter out) {
    out.printf(Locale.ROOT, "%s (%s), %s%n", bench.backend().name(), bench.backend().description(),
        shape);
    out.printf(Locale.ROOT, "memory is read at %.1f GB/s (%s)%n",
        bench.bandwidth().gigabytesPerSecond(), bench.bandwidth().how());
    for (Row row : rows) {
      out.printf(Locale.ROOT,
          "%s%s, %d x %d tokens, K and V in %s memory: %.4f ms (p95 %.4f), %.0f GB/s, %s%s%n",
          row.method(), row.k() == null ? "" : " k=" + row.k(), row.batch(), row.context(),
          row.placement().name().toLowerCase(Locale.ROOT), row.msMedian(), row.msP95(),
          row.gigabytesPerSecond(), cache(row), selection(row));
      for (Stage stage : row.stages()) {
        out.printf(Locale.ROOT, "  %-24s %9.4f ms %12d bytes %5.1f%% of bandwidth %11d over PCIe%n",
            stage.name(), stage.milliseconds(), stage.bytes().memory(),
            100 * stage.bandwidthShare(), stage.bytes().bus());
      }
    }
  }
}
