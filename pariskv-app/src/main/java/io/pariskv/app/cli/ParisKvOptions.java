package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The settings of ParisKV: a preset, and flags that override it. */
final class ParisKvOptions {
  @Option(names = "--preset", paramLabel = "NAME", defaultValue = "paper", description = "Settings of pariskv: paper, ruler, gpqa or throughput (default: ${DEFAULT-VALUE}).")
  String preset;

  @Option(names = "--sink", paramLabel = "N", description = "Tokens at the start that every step attends.")
  @Nullable
  Integer sink;

  @Option(names = "--local", paramLabel = "N", description = "Tokens of the local window.")
  @Nullable
  Integer local;

  /** One; several are for commands that compare. */
  @Option(names = "--k", paramLabel = "N", split = ",", description = "Keys retrieved a step.")
  List<Integer> k = List.of();

  @Option(names = "--update-interval", paramLabel = "N", description = "Generated tokens between updates of the index.")
  @Nullable
  Integer updateInterval;

  @Option(names = "--dense-below", paramLabel = "N", description = "Contexts shorter than this are attended whole.")
  @Nullable
  Integer denseBelow;

  @Option(names = "--candidate-ratio", paramLabel = "R", description = "Share of the keys that are reranked, above 0 to 1 (default: by zone length).")
  @Nullable
  Double candidateRatio;

  @Option(names = "--collision-ratio", paramLabel = "R", description = "Share of the keys that the tiers cover, above 0 to 1 (default: by zone length).")
  @Nullable
  Double collisionRatio;

  /** The settings; use it inside {@link Usage#check}. */
  ParisKvConfig toConfig() {
    ParisKvConfig base = ParisKvConfig.preset(preset);
    RetrievalBudget budget = base.budget();
    return new ParisKvConfig(or(sink, base.sink()), or(local, base.local()),
        or(updateInterval, base.updateInterval()), or(denseBelow, base.denseBelow()),
        new RetrievalBudget(or(k(), budget.k()),
            candidateRatio != null ? candidateRatio : budget.candidateRatio(),
            collisionRatio != null ? collisionRatio : budget.collisionRatio()));
  }

  private @Nullable Integer k() {
    if (k.size() > 1) {
      throw new InputException("k " + k.stream().map(String::valueOf)
          .collect(Collectors.joining(",")) + " are several; give one number");
    }
    return k.isEmpty() ? null : k.getFirst();
  }

  private static int or(@Nullable Integer given, int otherwise) {
    return given != null ? given : otherwise;
  }
}
