package io.pariskv.app.cli;

import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.ZoneSettings;
import io.pariskv.retrieve.RetrievalBudget;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The settings of ParisKV: a preset, and flags that override it. */
final class ParisKvOptions {
  @Option(names = "--preset", paramLabel = "NAME", defaultValue = "paper", description = "Settings of pariskv: paper, ruler, gpqa or throughput (default: ${DEFAULT-VALUE}); of quest and pqcache: released or matched.")
  String preset;

  @Option(names = "--sink", paramLabel = "N", description = "Tokens at the start that every step attends.")
  @Nullable
  Integer sink;

  @Option(names = "--local", paramLabel = "N", description = "Tokens of the local window.")
  @Nullable
  Integer local;

  @Option(names = "--k", paramLabel = "N", description = "Keys retrieved a step.")
  @Nullable
  Integer k;

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
        new RetrievalBudget(or(k, budget.k()),
            candidateRatio != null ? candidateRatio : budget.candidateRatio(),
            collisionRatio != null ? collisionRatio : budget.collisionRatio()));
  }

  /** The zones of other methods: those of the flags, else those of ParisKV's published settings. */
  ZoneSettings toZones() {
    ZoneSettings base = ZoneSettings.matched();
    return new ZoneSettings(or(sink, base.sink()), or(local, base.local()),
        or(updateInterval, base.updateInterval()), or(denseBelow, base.denseBelow()));
  }

  /** {@code --k}, or that. */
  int kOr(int otherwise) {
    return or(k, otherwise);
  }

  private static int or(@Nullable Integer given, int otherwise) {
    return given != null ? given : otherwise;
  }
}
