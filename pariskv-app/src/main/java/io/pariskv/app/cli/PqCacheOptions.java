package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.method.PqBudget;
import io.pariskv.method.PqCache;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The settings that only {@code pqcache} has. */
final class PqCacheOptions {
  private static final List<String> OF_RELEASED = List.of("--compress-ratio", "--recent-ratio");
  private static final List<String> OF_MATCHED = List.of("--k", "--local", "--update-interval",
      "--dense-below");

  @Option(names = "--compress-ratio", paramLabel = "R", description = "Share of the prompt that pqcache's preset released attends, above 0 to 1 (default: 0.1).")
  private @Nullable Double compressRatio;

  @Option(names = "--recent-ratio", paramLabel = "R", description = "Share of that which is recent, 0 to 1 (default: 0.5).")
  private @Nullable Double recentRatio;

  @Option(names = "--pq-subvectors", paramLabel = "N", description = "Sub-vectors of a key, 1 to 16 (default: 2, with a --context of 65,536 or more 4).")
  private @Nullable Integer subvectors;

  @Option(names = "--pq-bits", paramLabel = "N", description = "Bits of a sub-vector's code, 1 to 8 (default: 6, with a --context of 65,536 or more 8).")
  private @Nullable Integer bits;

  /**
   * @param settings what it has in common with other methods
   * @param preset which budget
   * @param k keys selected
   * @param context tokens that a sequence may have
   * @param given whether the user gave a flag, whatever its default
   */
  PqCache toMethod(ParisKvOptions settings, String preset, int k, int context,
      Predicate<String> given) {
    ProductQuantizer advised = PqCache.quantizerFor(context);
    return new PqCache(budget(settings, preset, k, given),
        new ProductQuantizer(subvectors != null ? subvectors : advised.subvectors(),
            bits != null ? bits : advised.bits()));
  }

  private PqBudget budget(ParisKvOptions settings, String preset, int k,
      Predicate<String> given) {
    return switch (preset) {
      case "released" -> {
        refuse(OF_MATCHED, given, "released", "matched");
        PqBudget.Share base = PqBudget.Share.released();
        yield new PqBudget.Share(settings.sink != null ? settings.sink : base.sink(),
            compressRatio != null ? compressRatio : base.ratio(),
            recentRatio != null ? recentRatio : base.recent());
      }
      case "matched" -> {
        refuse(OF_RELEASED, given, "matched", "released");
        yield new PqBudget.Tokens(settings.toZones(), k);
      }
      default -> throw new InputException(
          "preset '" + preset + "' is not known; choose one of released, matched");
    };
  }

  private static void refuse(List<String> flags, Predicate<String> given, String preset,
      String other) {
    flags.stream().filter(given).findFirst().ifPresent(flag -> {
      throw new InputException(flag + " is not a setting of pqcache's preset " + preset
          + "; leave it out, or give --preset " + other);
    });
  }
}
