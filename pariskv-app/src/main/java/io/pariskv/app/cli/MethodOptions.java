package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ExactTopK;
import io.pariskv.method.FullAttention;
import io.pariskv.method.MagicPig;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.PqBudget;
import io.pariskv.method.PqCache;
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
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Which attention method, and its settings: {@code NAME}, or {@code NAME:PRESET/GROUP} so that several presets of a method,
 * or ways of a group to choose keys, can be asked for at once; both parts may be left out. A setting that the method does not have is refused, not ignored.
 */
final class MethodOptions {
  private static final List<String> ZONES = List.of("--sink", "--local", "--update-interval",
      "--dense-below");

  /** Keys selected, unless the user says otherwise: those of ParisKV's published settings. */
  private static final int K = 100;

  /** The preset that is a method as its authors published it, which no setting changes. */
  private static final String RELEASED = "released";

  /** The preset that has as many keys as others have, in the same zones. */
  static final String MATCHED = "matched";

  /** Where the settings come from of a method that is as its authors published it. */
  static final String AS_RELEASED = "as released";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(names = "--method", paramLabel = "NAME", defaultValue = "pariskv", description = "pariskv, full, window, exact-topk, quest, pqcache or magicpig (default: ${DEFAULT-VALUE}); with a preset behind a colon, such as pariskv:sharp or quest:released, and what --group says behind a slash, such as pariskv/per-head.")
  private String method;

  @Mixin
  private ParisKvOptions settings;

  @Option(names = "--page-size", paramLabel = "N", description = "Keys of a page of quest, a power of two (default: 16).")
  private @Nullable Integer pageSize;

  @Mixin
  private PqCacheOptions pqCache;

  @Mixin
  private MagicPigOptions magicPig;

  /** The methods. */
  private enum Name {
    FULL, PARISKV, WINDOW, EXACT_TOPK, QUEST, PQCACHE, MAGICPIG;

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
        case MAGICPIG -> with(ZONES, "--preset", "--k", "--lsh-bits", "--lsh-tables",
            "--index-generated", "--tables");
      };
    }

    /** Whether its only settings are those that it shares with others: it was made to compare with, and nobody released it. */
    boolean onlyMatched() {
      return this == WINDOW || this == EXACT_TOPK;
    }

    /** As it is compared with the others: with settings that all have in common, and as released. */
    List<String> compared() {
      return switch (this) {
        case FULL, WINDOW, EXACT_TOPK -> List.of(toString());
        case PARISKV -> List.of("pariskv", "pariskv:sharp", "pariskv:released");
        case QUEST, PQCACHE, MAGICPIG -> List.of(toString(), this + ":" + RELEASED);
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

  /** A method that was asked for, the preset behind its colon, and how a group chooses behind its slash. */
  private record Choice(Name name, @Nullable String preset, @Nullable Grouping grouping) {

    static Choice of(String text) {
      int slash = text.indexOf('/');
      String method = slash < 0 ? text : text.substring(0, slash);
      int colon = method.indexOf(':');
      Choice choice = new Choice(Name.of(colon < 0 ? method : method.substring(0, colon)),
          colon < 0 ? null : method.substring(colon + 1),
          slash < 0 ? null : ParisKvOptions.grouping(text.substring(slash + 1)));
      if (slash >= 0 && !choice.flags().contains("--group")) {
        throw new InputException("method " + text + ": " + method
            + " has no choice of how a group chooses keys; leave the slash out");
      }
      return choice;
    }

    boolean isReleased() {
      return RELEASED.equals(preset);
    }

    /** The settings that can be given for it. */
    List<String> flags() {
      if (!isReleased()) {
        return name.flags();
      }
      return name == Name.MAGICPIG ? List.of("--tables") : List.of();
    }

    /** As the command line has it. */
    @Override
    public String toString() {
      return name + (preset == null ? "" : ":" + preset)
          + (grouping == null ? "" : "/" + ParisKvOptions.text(grouping));
    }
  }

  /**
   * Methods by their labels.
   *
   * @param methods those asked for
   * @param origins where the settings of each come from, by the label without a place of tables
   * @param refused why some have not every k asked for
   */
  record Labelled(Map<String, AttentionMethod> methods, Map<String, String> origins,
      Map<String, String> refused) {

    /** Where the settings of a method come from: {@code as released}, {@code matched}, or {@code released, changed} by flags. */
    String origin(String label) {
      return Objects.requireNonNull(origins.get(MagicPigOptions.withoutPlace(label)), label);
    }
  }

  private static List<String> with(List<String> flags, String... more) {
    return Stream.concat(flags.stream(), Stream.of(more)).toList();
  }

  /** All methods as they are compared, with commas between. */
  static String compared() {
    return Stream.of(Name.values()).flatMap(name -> name.compared().stream())
        .collect(Collectors.joining(","));
  }

  /** The method asked for; use it inside {@link Usage#check}. */
  AttentionMethod toMethod() {
    Choice choice = Choice.of(method);
    refuseOthers(method, List.of(choice));
    return magicPig.place(chosen(choice, ParisKvOptions.BEST, settings.k(), context()));
  }

  /**
   * The methods asked for, with commas between; a setting must be one of some of them. As {@link #toMethod}.
   *
   * @param preset of ParisKV if none is asked for
   */
  List<AttentionMethod> toMethods(String preset) {
    List<Choice> choices = choices(method);
    Integer k = settings.k();
    return choices.stream()
        .map(choice -> magicPig.place(chosen(choice, preset, k, context())))
        .toList();
  }

  /**
   * The methods asked for, each with every k and place of tables asked for, by their labels: the name and preset as
   * given, and k if there are several. Of several k a method may have some only. As {@link #toMethods}.
   *
   * @param otherwise the methods if the user named none
   * @param context tokens that a sequence may have, which some methods' settings depend on; 0 for not known
   */
  Labelled toLabelledMethods(String otherwise, int context) {
    Labelled labelled = new Labelled(new LinkedHashMap<>(), new LinkedHashMap<>(),
        new LinkedHashMap<>());
    for (Choice choice : choices(given("--method") ? method : otherwise)) {
      if (settings.k.size() > 1 && choice.flags().contains("--k")) {
        addEveryK(choice, context, labelled);
      } else {
        add(choice, choice.toString(), settings.k.isEmpty() ? null : settings.k.getFirst(),
            context, labelled);
      }
    }
    return new Labelled(magicPig.placeAll(labelled.methods), labelled.origins, labelled.refused);
  }

  private void add(Choice choice, String label, @Nullable Integer k, int context,
      Labelled labelled) {
    AttentionMethod method = chosen(choice, ParisKvOptions.PUBLISHED, k, context);
    labelled.methods.put(label, method);
    labelled.origins.put(label, origin(choice, method, context));
  }

  private String origin(Choice choice, AttentionMethod method, int context) {
    String preset = choice.preset == null ? settings.preset : choice.preset;
    if (!choice.name.flags().contains("--preset") || !RELEASED.equals(preset)) {
      return MATCHED;
    }
    return method.equals(released(choice.name, context)) ? AS_RELEASED : "released, changed";
  }

  private void addEveryK(Choice choice, int context, Labelled labelled) {
    int before = labelled.methods.size();
    InputException last = null;
    for (int k : settings.k) {
      String label = choice + " k=" + k;
      try {
        add(choice, label, k, context, labelled);
      } catch (InputException e) {
        labelled.refused.put(label, String.valueOf(e.getMessage()));
        last = e;
      }
    }
    if (last != null && labelled.methods.size() == before) {
      throw last; // then it is not about k
    }
  }

  private List<Choice> choices(String methods) {
    List<Choice> choices = Stream.of(methods.split(",", -1)).map(Choice::of).toList();
    refuseOthers(methods, choices);
    return choices;
  }

  private void refuseOthers(String methods, List<Choice> choices) {
    Set<String> taken = new LinkedHashSet<>();
    choices.forEach(choice -> taken.addAll(choice.flags()));
    boolean onlyMatched = choices.stream().anyMatch(choice -> choice.name.onlyMatched());
    if (given("--preset") && !taken.contains("--preset") && onlyMatched) {
      requireMatched(methods);
      taken.add("--preset");
    }
    for (Name each : Name.values()) {
      for (String flag : each.flags()) {
        if (given(flag) && !taken.contains(flag)) {
          throw new InputException(flag + " is not a setting of method " + methods + ", which has "
              + (taken.isEmpty() ? "none" : String.join(", ", taken)) + "; leave it out");
        }
      }
    }
  }

  private void requireMatched(String methods) {
    if (!MATCHED.equals(settings.preset)) {
      throw new InputException("preset '" + settings.preset + "' is not one of method " + methods
          + ", which is for comparison and has no release; leave --preset out, or give matched");
    }
  }

  /** Whether the user gave the flag, whatever its default. */
  private boolean given(String flag) {
    return command.commandLine().getParseResult().hasMatchedOption(flag);
  }

  /** The longest {@code --context} or {@code --lengths} of the command, 0 if it has neither. */
  private int context() {
    OptionSpec context = command.findOption("--context");
    OptionSpec option = context != null ? context : command.findOption("--lengths");
    Object value = option == null ? null : option.getValue();
    return switch (value) {
      case Integer tokens -> tokens;
      case Collection<?> several -> several.stream().mapToInt(each -> (Integer) each).max()
          .orElse(0);
      case null, default -> 0;
    };
  }

  /** @param otherwise preset of ParisKV if none is asked for */
  private AttentionMethod chosen(Choice choice, String otherwise, @Nullable Integer k,
      int context) {
    boolean hasPresets = choice.name.flags().contains("--preset");
    if (choice.preset == null) {
      String preset = hasPresets ? settings.preset : null;
      return named(choice, preset == null && choice.name == Name.PARISKV ? otherwise : preset, k,
          context);
    }
    if (choice.name.onlyMatched() && choice.preset.equals(MATCHED)) {
      return named(choice, choice.preset, k, context);
    }
    if (!hasPresets) {
      throw new InputException(
          "method " + choice + ": " + choice.name + " has no presets; leave the colon out"
              + (choice.name.onlyMatched() ? ", or give " + choice.name + ":" + MATCHED : ""));
    }
    try {
      return choice.isReleased()
          ? released(choice.name, context)
          : named(choice, choice.preset, k, context);
    } catch (InputException e) {
      throw new InputException("method " + choice + ": " + e.getMessage(), e);
    }
  }

  private static AttentionMethod released(Name name, int context) {
    return switch (name) {
      case PARISKV -> new ParisKv(ParisKvConfig.paper());
      case QUEST -> Quest.released();
      case PQCACHE ->
        new PqCache(PqBudget.Share.released(), PqCache.quantizerFor(context));
      case MAGICPIG -> MagicPig.released();
      case FULL, WINDOW, EXACT_TOPK -> throw new IllegalStateException(name + " has no presets");
    };
  }

  /** @param preset null for the method's own default */
  private AttentionMethod named(Choice choice, @Nullable String preset, @Nullable Integer k,
      int context) {
    String others = preset != null ? preset : MATCHED;
    return switch (choice.name) {
      case FULL -> new FullAttention();
      case PARISKV -> {
        ParisKvConfig config = settings.toConfig(Objects.requireNonNull(preset), k);
        yield new ParisKv(config.withGrouping(grouping(choice, config.grouping())));
      }
      case WINDOW -> new WindowAttention(settings.toZones());
      case EXACT_TOPK -> new ExactTopK(settings.toZones(), k != null ? k : K,
          grouping(choice, Grouping.MEAN));
      case QUEST -> quest(choice, others, k);
      case PQCACHE -> pqCache.toMethod(settings, others, k != null ? k : K, context, this::given);
      case MAGICPIG ->
        magicPig.toMethod(settings, others, k != null ? k : K, context, this::given);
    };
  }

  private Grouping grouping(Choice choice, Grouping otherwise) {
    return choice.grouping != null ? choice.grouping : settings.grouping(otherwise);
  }

  private Quest quest(Choice choice, String name, @Nullable Integer k) {
    Quest preset = questPreset(name);
    if (preset.zones() == null) {
      ZONES.stream().filter(this::given).findFirst().ifPresent(flag -> {
        throw new InputException(flag + " is not a setting of quest's preset released, whose "
            + "recent tokens are the last page; leave it out, or give --preset matched");
      });
    }
    ZoneSettings zones = preset.zones() == null ? null : settings.toZones();
    return new Quest(zones, k != null ? k : preset.k(),
        pageSize != null ? pageSize : preset.pageSize(), preset.denseLayers(),
        grouping(choice, preset.grouping()));
  }

  private static Quest questPreset(String name) {
    return switch (name) {
      case RELEASED -> Quest.released();
      case MATCHED -> Quest.matched(K);
      default -> throw new InputException(
          "preset '" + name + "' is not known; choose one of released, matched");
    };
  }
}
