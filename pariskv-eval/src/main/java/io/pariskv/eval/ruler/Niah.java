package io.pariskv.eval.ruler;

import io.pariskv.error.InputException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;

/**
 * Needles in a haystack: sentences that give keys their values, hidden in a text.
 *
 * @param keys how many keys are hidden
 * @param values how many values each has
 * @param queries how many keys are asked for
 */
record Niah(RulerData data, Haystack haystack, Kind keyKind, Kind valueKind, int keys, int values,
    int queries) implements Recipe {

  private static final String INTRODUCTION = "Some special magic {type} are hidden within the following text. Make sure to memorize it."
      + " I will quiz you about the {type} afterwards.\n";
  private static final String QUESTION = "What are all the special magic {type} for {query} mentioned in the provided text?";
  private static final String PREFIX = " The special magic {type} for {query} mentioned in the provided text are";
  private static final int TRIES = 100;

  enum Haystack {
    NOISE, ESSAY, NEEDLE
  }

  enum Kind {
    NUMBERS, WORDS, UUIDS;

    String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private record Needle(String key, String value) {
  }

  @Override
  public int maxTokens() {
    return 128;
  }

  @Override
  public int smallest(int length) {
    return haystack == Haystack.ESSAY ? 1 : keys * values;
  }

  @Override
  public int increment(int length) {
    int lines = length < SHORT ? 5 : 25;
    return haystack == Haystack.ESSAY ? 20 * lines : lines;
  }

  @Override
  public Draft draft(int length, int units, int index, Random random) {
    Set<String> used = new HashSet<>();
    List<String> names = new ArrayList<>();
    List<Needle> hidden = new ArrayList<>();
    for (int k = 0; k < keys; k++) {
      names.add(fresh(keyKind, used, random));
      for (int v = 0; v < values; v++) {
        hidden.add(new Needle(names.getLast(), fresh(valueKind, used, random)));
      }
    }
    List<String> sentences = new ArrayList<>(hidden.stream().map(this::sentence).toList());
    Collections.shuffle(sentences, random);
    List<String> asked = Samples.of(names, queries, random);
    String context = context(units, sentences, used, random);
    List<Needle> wanted = asked.stream()
        .flatMap(key -> hidden.stream().filter(needle -> needle.key().equals(key))).toList();
    return draft(context, asked, wanted.stream().map(Needle::value).toList(),
        wanted.stream().map(needle -> Haystacks.depth(context, sentence(needle))).toList());
  }

  private Draft draft(String context, List<String> asked, List<String> answers,
      List<Integer> depths) {
    Map<String, Object> labels = new HashMap<>();
    labels.put("data", RulerData.names(
        haystack == Haystack.ESSAY ? data.essay().source() : RulerData.NONE,
        keyKind == Kind.WORDS ? data.words().source() : RulerData.NONE));
    labels.putAll(depthLabels(depths));
    String query = list(asked);
    return new Draft(fill(INTRODUCTION, query) + context + "\n", fill(QUESTION, query),
        fill(PREFIX, query), answers, labels);
  }

  /** The labels: all depths in one, in percent, and as a share the one depth where there is but one. */
  static Map<String, Object> depthLabels(List<Integer> depths) {
    String all = String.join(" ", depths.stream().map(String::valueOf).toList());
    return depths.size() == 1
        ? Map.of("depths", all, "depth", depths.getFirst() / 100.0)
        : Map.of("depths", all);
  }

  private String context(int units, List<String> needles, Set<String> used, Random random) {
    return switch (haystack) {
      case ESSAY -> Haystacks.essay(data.essay().first(units), needles, random);
      case NOISE ->
        Haystacks.lines(Collections.nCopies(units, Haystacks.NOISE), needles, random);
      case NEEDLE -> {
        List<String> others = new ArrayList<>(units);
        for (int i = 0; i < units; i++) {
          others.add(sentence(
              new Needle(fresh(keyKind, used, random), fresh(valueKind, used, random))));
        }
        yield Haystacks.lines(others, needles, random);
      }
    };
  }

  private String sentence(Needle needle) {
    return "One of the special magic %s for %s is: %s.".formatted(valueKind.text(), needle.key(),
        needle.value());
  }

  /** The template's words for one answer or several, as the repository changes them. */
  private String fill(String template, String query) {
    boolean single = queries * values == 1;
    String type = valueKind.text();
    String worded = single
        ? template.replace("Some", "A").replace("are all", "is").replace("are", "is")
        : template;
    return worded.replace("{type}", single ? type.substring(0, type.length() - 1) : type)
        .replace("{query}", query);
  }

  private static String list(List<String> items) {
    return items.size() == 1
        ? items.getFirst()
        : String.join(", ", items.subList(0, items.size() - 1)) + ", and " + items.getLast();
  }

  /** Something not yet in the sample: two needles of one key would make both answers right. */
  private String fresh(Kind kind, Set<String> used, Random random) {
    for (int i = 0; i < TRIES; i++) {
      String drawn = draw(kind, random);
      if (used.add(drawn)) {
        return drawn;
      }
    }
    throw new InputException("the words of " + data.words().source() + " give only "
        + data.words().pairs() + " pairs of adjective and noun, and " + used.size()
        + " are not enough; use longer lists or a shorter length");
  }

  private String draw(Kind kind, Random random) {
    return switch (kind) {
      case NUMBERS -> String.valueOf(1_000_000 + random.nextInt(9_000_000));
      case WORDS -> data.words().pair(random);
      case UUIDS -> new UUID(random.nextLong() & ~0xf000L | 0x4000L,
          random.nextLong() >>> 2 | 0x8000_0000_0000_0000L).toString();
    };
  }
}
