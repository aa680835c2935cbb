package io.pariskv.app.cli;

import io.pariskv.app.bench.CompareBench.Contender;
import io.pariskv.app.bench.CompareBench.Cost;
import io.pariskv.app.bench.CompareBench.Held;
import io.pariskv.app.bench.CompareBench.Row;
import io.pariskv.app.bench.CompareBench.Settings;
import io.pariskv.backend.Backend;
import io.pariskv.kv.KvShape;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import java.io.PrintWriter;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** What methods took, beside each other. */
final class CompareTable {
  private static final String FORMAT = "%-30s %-21s %6s %9s %10s %22s %9s %13s %9s %9s %9s %9s %9s %9s%n";
  private static final double MEGA = 1e6;

  private final Backend backend;
  private final Settings settings;
  private final List<Row> rows;

  CompareTable(Backend backend, Settings settings, List<Row> rows) {
    this.backend = backend;
    this.settings = settings;
    this.rows = rows;
  }

  /** For a person: a table for each context, batch and place. */
  void print(PrintWriter out) {
    out.printf(Locale.ROOT, "%s (%s), one layer: %s%n", backend.name(), backend.description(),
        shape());
    out.println("random K and V, the same for all; other queries every step; caches flushed before"
        + " every run; a layer that selects");
    rows.stream().map(Row::held).distinct().forEach(held -> print(held, out));
  }

  private void print(Held held, PrintWriter out) {
    out.printf(Locale.ROOT, "%n%d x %d tokens, K and V in %s memory, %d layers in turn%n",
        held.batch(), held.context(), placement(held), held.layers());
    out.printf(Locale.ROOT, FORMAT, "method", "settings", "k", "attended", "ms median",
        "p5 to p95", "full/this", "this/pariskv", "MB read", "of index", "MB PCIe",
        "of window", "MB kept", "index ms");
    for (Row row : rows) {
      if (row.held().equals(held)) {
        print(row, out);
      }
    }
  }

  private void print(Row row, PrintWriter out) {
    Contender contender = row.contender();
    Cost cost = row.cost();
    if (cost == null) {
      out.printf(Locale.ROOT, "%-30s %-21s not measured: %s%n", contender.label(),
          contender.settings(), row.refusal());
      return;
    }
    out.printf(Locale.ROOT, FORMAT, contender.label(), contender.settings(),
        contender.k() == null ? "" : contender.k(), rounded(cost.attendedTokens(), 0),
        rounded(cost.msMedian(), 4), rounded(cost.msP5(), 4) + " to " + rounded(cost.msP95(), 4),
        shown(ratio(full(row), row)), shown(ratio(row, pariskv(row))),
        rounded(cost.memoryBytes() / MEGA, 2), rounded(cost.indexBytes() / MEGA, 2),
        rounded(cost.busBytes() / MEGA, 2), rounded(cost.windowBytes() / MEGA, 2),
        rounded(cost.keptBytes() / MEGA, 2), rounded(cost.indexMs(), 2));
    if (!cost.recorded()) {
      out.println("  its steps cannot be recorded: launched one stage after another");
    }
  }

  private static String rounded(double number, int digits) {
    return String.format(Locale.ROOT, "%." + digits + "f", number);
  }

  private static String shown(@Nullable Double ratio) {
    return ratio == null ? "" : rounded(ratio, 2) + "x";
  }

  /** For a program: a line a row, with the names of {@code docs/performance/history.jsonl}. */
  void printJson(PrintWriter out) {
    rows.forEach(row -> out.println(toJson(row)));
  }

  private ObjectNode toJson(Row row) {
    Contender contender = row.contender();
    Held held = row.held();
    ObjectNode node = Json.MAPPER.createObjectNode();
    node.put("what", "decode attention, one layer, methods side by side");
    node.put("method", contender.label());
    node.put("settings", contender.settings());
    node.put("method_settings", contender.method().toString());
    node.put("backend", backend.name());
    node.put("device", backend.description());
    node.put("version", Version.text());
    node.put("shape", shape());
    node.put("context", held.context());
    node.put("batch", held.batch());
    node.put("k", contender.k());
    node.put("placement", placement(held));
    Cost cost = row.cost();
    if (cost == null) {
      return node.put("error", row.refusal());
    }
    node.put("ms_median", cost.msMedian());
    node.put("ms_p5", cost.msP5());
    node.put("ms_p95", cost.msP95());
    node.put("full_over_this", ratio(full(row), row));
    node.put("this_over_pariskv", ratio(row, pariskv(row)));
    node.put("attended_tokens", cost.attendedTokens());
    node.put("bytes", cost.memoryBytes());
    node.put("pcie_bytes", cost.busBytes());
    node.put("pcie_window_bytes", cost.windowBytes());
    node.put("index_bytes", cost.indexBytes());
    node.put("kept_bytes", cost.keptBytes());
    node.put("index_ms", cost.indexMs());
    node.put("recorded", cost.recorded());
    node.put("cache", "cold: flushed before every run, " + held.layers() + " layers in turn");
    node.put("steps", settings.runs());
    node.put("queries", settings.queries());
    return node.put("seed", settings.seed());
  }

  private String shape() {
    KvShape shape = settings.shape();
    return shape.heads() + " heads, " + shape.kvHeads() + " KV heads, " + shape.headDim() + ", "
        + shape.dtype();
  }

  private static String placement(Held held) {
    return held.placement().name().toLowerCase(Locale.ROOT);
  }

  private @Nullable Row full(Row row) {
    return beside(row, each -> each.method() instanceof FullAttention).findFirst().orElse(null);
  }

  /** The row of ParisKV that is like this one: as released, or with as many keys; else the first. */
  private @Nullable Row pariskv(Row row) {
    Contender own = row.contender();
    boolean released = own.settings().equals(MethodOptions.AS_RELEASED);
    Optional<Row> found = beside(row, each -> each.method() instanceof ParisKv)
        .min(Comparator.comparing(each -> released
            ? !each.contender().settings().contains(own.settings())
            : !Objects.equals(each.contender().k(), own.k())));
    return found.orElse(null);
  }

  /** Those measured over the same tokens. */
  private Stream<Row> beside(Row row, Predicate<Contender> which) {
    return rows.stream().filter(each -> each.cost() != null && each.held().equals(row.held())
        && which.test(each.contender()));
  }

  private static @Nullable Double ratio(@Nullable Row above, @Nullable Row below) {
    Cost upper = above == null ? null : above.cost();
    Cost lower = below == null ? null : below.cost();
    return upper == null || lower == null ? null : upper.msMedian() / lower.msMedian();
  }
}
