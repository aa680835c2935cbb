package io.pariskv.app.cli;

import io.pariskv.app.bench.CompareBench;
import io.pariskv.app.bench.CompareBench.Contender;
import io.pariskv.app.bench.CompareBench.Row;
import io.pariskv.error.InputException;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Times the methods side by side. */
@Command(name = "compare", mixinStandardHelpOptions = true, description = "Time decode attention of one layer through several methods side by side, over the same random K and V with the same queries, as their authors released them and with matched settings: by default 2 to 8 layers in turn, the fewer the longer the context. The default of --method is here all of them; --context, --batch, --offload and --k may name several with commas.")
public final class CompareCommand implements Callable<Integer> {
  /** Where K and V are. */
  private enum Place {
    OFF(KvPlacement.DEVICE), ON(KvPlacement.HOST);

    private final KvPlacement placement;

    Place(KvPlacement placement) {
      this.placement = placement;
    }
  }

  @Spec
  private CommandSpec spec;
  @Mixin
  private BackendOption backend;
  @Mixin
  private AttentionShapeOptions geometry;
  @Mixin
  private AttentionTimingOptions timing;
  @Mixin
  private MethodOptions method;
  @Option(names = "--context", paramLabel = "N", split = ",", defaultValue = "131072,1048576", description = "Tokens held (default: ${DEFAULT-VALUE}).")
  private List<Integer> contexts;
  @Option(names = "--offload", paramLabel = "WHERE", split = ",", defaultValue = "off", description = "off: K and V where the stages work; on: in host memory beside a GPU; off,on: both (default: ${DEFAULT-VALUE}).")
  private List<Place> places;
  @Option(names = "--json", description = "Print one JSON object a row.")
  private boolean json;

  @Override
  public Integer call() {
    timing.check(spec, contexts);
    Map<Integer, List<Contender>> contenders = new LinkedHashMap<>();
    contexts.forEach(context -> contenders.put(context,
        Usage.check(spec, () -> contenders(context))));
    KvShape shape = geometry.toShape(spec, contenders.values().stream().flatMap(List::stream)
        .map(Contender::method).toList());
    CompareBench.Settings settings = new CompareBench.Settings(shape, contexts, timing.batches,
        places.stream().distinct().map(place -> place.placement).toList(), contenders::get,
        timing.layers,
        timing.queries, timing.steps, timing.seed);
    PrintWriter err = spec.commandLine().getErr();
    try (CompareBench bench = new CompareBench(backend.name(spec), settings)) {
      List<Row> rows = bench.run(Terminal.progress(err));
      Terminal.endProgress(err);
      CompareTable table = new CompareTable(bench.backend(), settings, rows);
      if (json) {
        table.printJson(spec.commandLine().getOut());
      } else {
        table.print(spec.commandLine().getOut());
      }
    }
    return 0;
  }

  /** Two names of the same settings, as the paper's and matched ones of ParisKV, are one contender. */
  private List<Contender> contenders(int context) {
    MethodOptions.Labelled labelled = method.toLabelledMethods(MethodOptions.compared(),
        context);
    labelled.refused().forEach((label, reason) -> {
      throw new InputException(label + ": " + reason);
    });
    Map<AttentionMethod, Contender> found = new LinkedHashMap<>();
    labelled.methods().forEach((label, each) -> {
      AttentionMethod selecting = each.withoutDenseLayers();
      String settings = each instanceof FullAttention
          ? ""
          : labelled.origin(label);
      found.merge(selecting,
          new Contender(label, settings, each.k() > 0 ? each.k() : null, selecting),
          (first, second) -> first.settings().equals(second.settings())
              ? first
              : new Contender(first.label(),
                  MethodOptions.AS_RELEASED + ", " + MethodOptions.MATCHED,
                  first.k(), selecting));
    });
    return List.copyOf(found.values());
  }
}
