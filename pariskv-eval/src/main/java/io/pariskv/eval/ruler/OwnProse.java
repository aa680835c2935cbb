package io.pariskv.eval.ruler;

import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Our own essay: a short text, then sentences drawn from patterns and our word lists. The same on every
 * machine.
 */
public final class OwnProse {
  private static final int SENTENCES = 20_000;
  private static final long SEED = 20260301;
  private static final Pattern SLOT = Pattern.compile("\\{([anv])}");
  private static final Pattern BEFORE_VOWEL = Pattern.compile("\\b([Aa]) (?=[aeiou])");

  private OwnProse() {
  }

  /** More than 300,000 words, single spaces between them. */
  public static String text() {
    Random random = new Random(SEED);
    List<String> patterns = RulerData.ownText("sentences.txt").lines().toList();
    List<String> nouns = RulerData.ownWords("nouns.txt");
    List<String> adjectives = RulerData.ownWords("adjectives.txt");
    List<String> verbs = RulerData.ownWords("verbs.txt");
    StringBuilder text = new StringBuilder(
        RulerData.ownText("prose.txt").replaceAll("\\s+", " "));
    for (int i = 0; i < SENTENCES; i++) {
      Matcher slots = SLOT.matcher(one(patterns, random));
      String sentence = slots.replaceAll(slot -> one(switch (slot.group(1)) {
        case "a" -> adjectives;
        case "n" -> nouns;
        default -> verbs;
      }, random));
      text.append(' ').append(BEFORE_VOWEL.matcher(sentence).replaceAll("$1n "));
    }
    return text.toString();
  }

  private static String one(List<String> from, Random random) {
    return from.get(random.nextInt(from.size()));
  }
}
