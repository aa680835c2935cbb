package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import io.pariskv.index.SimHash;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.MagicPig;
import io.pariskv.method.MagicPigOnHost;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The settings that only {@code magicpig} has. */
final class MagicPigOptions {
  /** Whether generated tokens are hashed. */
  enum IndexGenerated {
    /** They are. */
    ON,
    /** All of them are attended. */
    OFF
  }

  /** Where hash tables are, and sampled keys are attended. */
  enum Tables {
    /** Where the model is. */
    DEVICE,
    /** On the CPU beside it. */
    HOST
  }

  /** What a label ends in whose tables are on the CPU. */
  private static final String ON_HOST = " tables=host";

  @Option(names = "--lsh-bits", paramLabel = "N", description = "Bits of a hash table, 1 to 16 (default: 10 with preset released, else 11).")
  private @Nullable Integer bits;

  @Option(names = "--lsh-tables", paramLabel = "N", description = "Hash tables, 2 to 1,024 (default: 150 with preset released, else as many as sample about --k keys of the --context).")
  private @Nullable Integer tables;

  @Option(names = "--index-generated", paramLabel = "WHETHER", description = "on or off: whether generated tokens are hashed when they leave the window, or all attended (default: off with preset released, else on).")
  private @Nullable IndexGenerated indexGenerated;

  /** One; several are for commands that compare. */
  @Option(names = "--tables", paramLabel = "WHERE", split = ",", description = "device: magicpig's hash tables, and attention over what they sample, are where the model is; host: they are on the CPU beside a GPU, as its authors have it (default: device).")
  private List<Tables> tablesAt = List.of();

  /** {@code method} with its tables where the user wants them, if it has tables. */
  AttentionMethod place(AttentionMethod method) {
    if (tablesAt.size() > 1) {
      throw new InputException("--tables has " + tablesAt.size() + " values; give one here");
    }
    return tablesAt.contains(Tables.HOST) && method instanceof MagicPig magicPig
        ? new MagicPigOnHost(magicPig)
        : method;
  }

  /** The same of methods by their labels, in every place that the user wants. */
  Map<String, AttentionMethod> placeAll(Map<String, AttentionMethod> methods) {
    Map<String, AttentionMethod> placed = new LinkedHashMap<>();
    methods.forEach((label, method) -> {
      boolean onHost = method instanceof MagicPig && tablesAt.contains(Tables.HOST);
      if (!onHost || tablesAt.contains(Tables.DEVICE)) {
        placed.put(label, method);
      }
      if (onHost) {
        placed.put(label + ON_HOST, new MagicPigOnHost((MagicPig) method));
      }
    });
    return placed;
  }

  /** The label without what says where tables are. */
  static String withoutPlace(String label) {
    return label.endsWith(ON_HOST)
        ? label.substring(0, label.length() - ON_HOST.length())
        : label;
  }

  /**
   * @param settings what it has in common with other methods
   * @param preset which budget
   * @param k keys sampled, about
   * @param context tokens that a sequence may have
   * @param given whether the user gave a flag, whatever its default
   */
  MagicPig toMethod(ParisKvOptions settings, String preset, int k, int context,
      Predicate<String> given) {
    return switch (preset) {
      case "released" -> {
        if (given.test("--k")) {
          throw new InputException("--k is not a setting of magicpig's preset released, whose "
              + "tables decide how many keys are sampled; leave it out, or give --preset matched");
        }
        yield withZones(settings, MagicPig.released(), given);
      }
      case "matched" -> {
        if (tables != null && given.test("--k")) {
          throw new InputException(
              "--k and --lsh-tables both say how many keys are sampled; leave one out");
        }
        int hashBits = bits != null ? bits : MagicPig.MATCHED_BITS;
        SimHash hash = tables != null
            ? new SimHash(hashBits, tables)
            : MagicPig.hashFor(hashBits, k, context);
        MagicPig base = MagicPig.matched(k, context);
        yield withZones(settings,
            new MagicPig(base.zones(), hash, base.indexGenerated(), base.denseEvery(),
                tables != null ? 0 : k),
            given);
      }
      default -> throw new InputException(
          "preset '" + preset + "' is not known; choose one of released, matched");
    };
  }

  private MagicPig withZones(ParisKvOptions settings, MagicPig base, Predicate<String> given) {
    boolean index = indexGenerated != null
        ? indexGenerated == IndexGenerated.ON
        : base.indexGenerated();
    if (!index && given.test("--update-interval")) {
      throw new InputException("--update-interval is about generated tokens that are hashed, and "
          + "here none are; leave it out, or give --index-generated on");
    }
    SimHash hash = base.hash();
    return new MagicPig(settings.toZones(base.zones()),
        new SimHash(bits != null ? bits : hash.bits(), tables != null ? tables : hash.tables()),
        index, base.denseEvery(), base.k());
  }
}
