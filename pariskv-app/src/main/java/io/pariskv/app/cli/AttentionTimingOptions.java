package io.pariskv.app.cli;

import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** How often one layer's attention is timed, and over what. */
final class AttentionTimingOptions {
  private static final int MAX_CONTEXT = (1 << 21) - 1;
  private static final int MAX_BATCH = 256;
  private static final int MAX_LAYERS = 1024;
  private static final int MAX_STEPS = 100_000;
  private static final int MAX_QUERIES = 256;

  @Option(names = "--batch", paramLabel = "N", split = ",", defaultValue = "1", description = "Sequences decoded together (default: ${DEFAULT-VALUE}).")
  List<Integer> batches;
  @Option(names = "--layers", paramLabel = "N", defaultValue = "0", description = "Layers in turn, 0 to choose by what a layer reads (default: ${DEFAULT-VALUE}).")
  int layers;
  @Option(names = "--queries", paramLabel = "N", defaultValue = "16", description = "Sets of queries that steps take in turn (default: ${DEFAULT-VALUE}).")
  int queries;
  @Option(names = "--steps", paramLabel = "N", defaultValue = "40", description = "Timed steps (default: ${DEFAULT-VALUE}).")
  int steps;
  @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Seed of the rows (default: ${DEFAULT-VALUE}).")
  long seed;

  /** Refuses numbers out of range, those of {@code --context} with them, whose default is each command's own. */
  void check(CommandSpec spec, List<Integer> contexts) {
    contexts.forEach(context -> Usage.requireRange(spec, "--context", context, MAX_CONTEXT));
    batches.forEach(batch -> Usage.requireRange(spec, "--batch", batch, MAX_BATCH));
    Usage.requireRange(spec, "--steps", steps, MAX_STEPS);
    Usage.requireRange(spec, "--queries", queries, MAX_QUERIES);
    if (layers != 0) {
      Usage.requireRange(spec, "--layers", layers, MAX_LAYERS);
    }
  }
}
