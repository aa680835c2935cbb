package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import io.pariskv.index.Coarse;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.Grouping;
import io.pariskv.method.ZoneSettings;
import io.pariskv.retrieve.RetrievalBudget;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The settings of ParisKV: a preset, and flags that override it. */
final class ParisKvOptions {
  /** The preset for who uses ParisKV; decision 29. */
  static final String BEST = "sharp";

  /** The preset for who compares methods. */
  static final String PUBLISHED = "paper";

  @Option(names = "--preset", paramLabel = "NAME", description = "Settings of every method but full: matched, comparable with the others; of pariskv, quest, pqcache and magicpig: released, as their authors published them; of pariskv also paper (which is both), sharp, ruler, gpqa or throughput (default: matched; of pariskv sharp, and paper where methods are compared).")
  @Nullable
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

  @Option(names = "--candidate-ratio", paramLabel = "R", description = "Share of the keys that are reranked, above 0 to 1 (default: the preset's).")
  @Nullable
  Double candidateRatio;

  @Option(names = "--collision-ratio", paramLabel = "R", description = "Share of the keys that the tiers cover, above 0 to 1 (default: the preset's).")
  @Nullable
  Double collisionRatio;

  @Option(names = "--adaptive", paramLabel = "R", description = "Retrieve as few keys a step as have this share of what all candidates contribute, as estimated, above 0 to 1; --k is then the most (default: always --k).")
  @Nullable
  Double adaptive;

  @Option(names = "--group", paramLabel = "HOW", description = "What the query heads of a KV head choose keys by: their mean, or per-head, each for itself (default: per-head of quest, else mean).")
  private @Nullable String group;

  /** The settings of the preset asked for, or of the one that proved best; use it inside {@link Usage#check}. */
  ParisKvConfig toConfig() {
    return toConfig(preset != null ? preset : BEST, k());
  }

  /** The settings of a preset as the flags change them, with that many keys or the preset's; use it inside {@link Usage#check}. */
  ParisKvConfig toConfig(String name, @Nullable Integer keys) {
    ParisKvConfig base = ParisKvConfig.preset(name);
    return new ParisKvConfig(toZones(base.zones()), budget(name, base, keys), base.coarse(),
        grouping(base.grouping()));
  }

  /** What {@code --group} says, or that. */
  Grouping grouping(Grouping otherwise) {
    return group == null ? otherwise : grouping(group);
  }

  static Grouping grouping(String group) {
    return switch (group) {
      case "mean" -> Grouping.MEAN;
      case "per-head" -> Grouping.PER_HEAD;
      default -> throw new InputException(
          "group '" + group + "' is not known; choose one of mean, per-head");
    };
  }

  /** As the command line has it. */
  static String text(Grouping grouping) {
    return switch (grouping) {
      case MEAN -> "mean";
      case PER_HEAD -> "per-head";
    };
  }

  private RetrievalBudget budget(String name, ParisKvConfig base, @Nullable Integer keys) {
    RetrievalBudget budget = base.budget();
    RetrievalBudget chosen = new RetrievalBudget(or(keys, budget.k()),
        candidateRatio != null ? candidateRatio : budget.candidateRatio(),
        collisionRatio != null ? collisionRatio : budget.collisionRatio(),
        budget.candidates(), adaptive);
    if (collisionRatio != null && base.coarse() == Coarse.SCORES) {
      throw new InputException(
          "collision-ratio " + collisionRatio + " is about tiers, which preset "
              + name + " does not have; leave it out, or choose another preset, such as paper");
    }
    return chosen;
  }

  /** The zones of other methods: those of the flags, else those of ParisKV's published settings. */
  ZoneSettings toZones() {
    return toZones(ZoneSettings.matched());
  }

  /** Those of the flags, else of {@code base}. */
  ZoneSettings toZones(ZoneSettings base) {
    return new ZoneSettings(or(sink, base.sink()), or(local, base.local()),
        or(updateInterval, base.updateInterval()), or(denseBelow, base.denseBelow()));
  }

  /** The one {@code --k}, null if it was not given. */
  @Nullable
  Integer k() {
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
