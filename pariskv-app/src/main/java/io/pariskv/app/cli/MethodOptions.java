package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ExactTopK;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.Quest;
import io.pariskv.method.WindowAttention;
import io.pariskv.method.ZoneSettings;
import io.pariskv.retrieve.Grouping;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Which attention method, and its settings. A setting that the method does not have is refused, not ignored. */
final class MethodOptions {
  private static final List<String> ZONES = List.of("--sink", "--local", "--update-interval",
      "--dense-below");

  /** Keys selected, unless the user says otherwise: those of ParisKV's published settings. */
  private static final int K = 100;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(names = "--method", paramLabel = "NAME", defaultValue = "pariskv", description = "pariskv, full, window, exact-topk, quest or pqcache (default: ${DEFAULT-VALUE}).")
  private String method;

  @Mixin
  private ParisKvOptions settings;

  @Option(names = "--page-size", paramLabel = "N", description = "Keys of a page of quest, a power of two (default: 16).")
  private @Nullable Integer pageSize;

  @Mixin
  private PqCacheOptions pqCache;

  /** The methods. */
  private enum Name {
    FULL, PARISKV, WINDOW, EXACT_TOPK, QUEST, PQCACHE;

    /** The settings that it has. */
    List<String> flags() {
      return switch (this) {
        case FULL -> List.of();
        case PARISKV -> with(ZONES, "--preset", "--k", "--candidate-ratio", "--collision-ratio",
            "--group", "--adaptive");
        case WINDOW -> ZONES;
        case EXACT_TOPK -> with(ZONES, "--k", "--group");
        case QUEST -> with(ZONES, "--preset", "--k", "--group", "--page-size");
        case PQCACHE -> with(ZONES, "--preset", "--k", "--compress-ratio", "--recent-ratio",
            "--pq-subvectors", "--pq-bits");
      };
    }

    static Name of(String text) {
      return Stream.of(values()).filter(name -> name.toString().equals(text)).findFirst()
          .orElseThrow(() -> new InputException("method '" + text
              + "' is not known; choose one of " + Stream.of(values()).map(Name::toString)
                  .collect(Collectors.joining(", "))));
    }

    /** As the command line has it. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  private static List<String> with(List<String> flags, String... more) {
    return Stream.concat(flags.stream(), Stream.of(more)).toList();
  }

  /** The method asked for; use it inside {@link Usage#check}. */
  AttentionMethod toMethod() {
    Name name = Name.of(method);
    refuseOthers(method, List.of(name));
    return named(name, settings.k());
  }

  /** The methods asked for, with commas between; a setting must be one of some of them. As {@link #toMethod}. */
  List<AttentionMethod> toMethods() {
    List<Name> names = names(method);
    Integer k = settings.k();
    return names.stream().map(name -> named(name, k)).toList();
  }

  /**
   * The methods asked for, each with every k asked for, by their labels: the name, and k if there are several. As {@link
   * #toMethods}.
   *
   * @param otherwise the methods if the user named none
   */
  Map<String, AttentionMethod> toLabelledMethods(String otherwise) {
    Map<String, AttentionMethod> labelled = new LinkedHashMap<>();
    for (Name name : names(given("--method") ? method : otherwise)) {
      if (settings.k.size() > 1 && name.flags().contains("--k")) {
        settings.k.forEach(k -> labelled.put(name + " k=" + k, named(name, k)));
      } else {
        labelled.put(name.toString(),
            named(name, settings.k.isEmpty() ? null : settings.k.getFirst()));
      }
    }
    return labelled;
  }

  private List<Name> names(String methods) {
    List<Name> names = Stream.of(methods.split(",", -1)).map(Name::of).toList();
    refuseOthers(methods, names);
    return names;
  }

  private void refuseOthers(String methods, List<Name> names) {
    Set<String> taken = new LinkedHashSet<>();
    names.forEach(name -> taken.addAll(name.flags()));
    for (Name each : Name.values()) {
      for (String flag : each.flags()) {
        if (given(flag) && !taken.contains(flag)) {
          throw new InputException(flag + " is not a setting of method " + methods + ", which has "
              + (taken.isEmpty() ? "none" : String.join(", ", taken)) + "; leave it out");
        }
      }
    }
  }

  /** Whether the user gave the flag, whatever its default. */
  private boolean given(String flag) {
    return command.commandLine().getParseResult().hasMatchedOption(flag);
  }

  /** The longest {@code --context} of the command, 0 if it has none. */
  private int context() {
    OptionSpec option = command.findOption("--context");
    Object value = option == null ? null : option.getValue();
    return switch (value) {
      case Integer tokens -> tokens;
      case Collection<?> several -> several.stream().mapToInt(each -> (Integer) each).max()
          .orElse(0);
      case null, default -> 0;
    };
  }

  private AttentionMethod named(Name name, @Nullable Integer k) {
    return switch (name) {
      case FULL -> new FullAttention();
      case PARISKV -> new ParisKv(settings.toConfig(k));
      case WINDOW -> new WindowAttention(settings.toZones());
      case EXACT_TOPK -> new ExactTopK(settings.toZones(), k != null ? k : K,
          settings.grouping(Grouping.MEAN));
      case QUEST -> quest(k);
      case PQCACHE -> pqCache.toMethod(settings, k != null ? k : K, context(), this::given);
    };
  }

  private Quest quest(@Nullable Integer k) {
    Quest preset = questPreset();
    if (preset.zones() == null) {
      ZONES.stream().filter(this::given).findFirst().ifPresent(flag -> {
        throw new InputException(flag + " is not a setting of quest's preset released, whose "
            + "recent tokens are the last page; leave it out, or give --preset matched");
      });
    }
    ZoneSettings zones = preset.zones() == null ? null : settings.toZones();
    return new Quest(zones, k != null ? k : preset.k(),
        pageSize != null ? pageSize : preset.pageSize(), preset.denseLayers(),
        settings.grouping(preset.grouping()));
  }

  private Quest questPreset() {
    String name = given("--preset") ? settings.preset : "matched";
    return switch (name) {
      case "released" -> Quest.released();
      case "matched" -> Quest.matched(K);
      default -> throw new InputException(
          "preset '" + name + "' is not known; choose one of released, matched");
    };
  }
}
