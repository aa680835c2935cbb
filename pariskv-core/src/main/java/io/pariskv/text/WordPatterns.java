package io.pariskv.text;

import java.util.Set;
import java.util.regex.Pattern;

/**
 * Which regular expressions of a {@code tokenizer.json} may run on user text.
 *
 * <p>The native tokenizer runs them on a backtracking engine that ends the whole process when a match
 * takes more than ten million steps, when a pattern nests too deeply, and that may run for hours
 * before. So a pattern is accepted if it is one of the published ones below, each linear in the
 * length of a run of white space or of anything else, or if it cannot backtrack: alternatives of at
 * most {@value #MAX_ITEMS} single characters or classes, of which only the last may repeat without
 * end.
 */
final class WordPatterns {
  private static final int MAX_ITEMS = 4;
  private static final int MAX_LENGTH = 1024;

  private static final String ITEM = "(?:"
      // a class without nested classes or set operations
      + "\\[\\^?(?:[^\\[\\]\\\\&]|\\\\[pP]\\{\\^?[A-Za-z_]{1,32}\\}|\\\\[sSdDwWrnt]|\\\\[^0-9A-Za-z])++\\]"
      + "|\\\\[pP]\\{\\^?[A-Za-z_]{1,32}\\}|\\\\[sSdDwWrnt]|\\\\[^0-9A-Za-z]"
      + "|[^\\[\\]\\\\(){}|*+?^$])";
  private static final String BOUNDED = ITEM + "(?:\\?|\\{[1-8](?:,[1-8])?\\})?+";
  private static final String ALTERNATIVE = "(?:" + BOUNDED + "){0," + (MAX_ITEMS - 1) + "}" + ITEM
      + "(?:[?+*]|\\{[1-8](?:,[1-8]?)?\\})?+";
  private static final Pattern ALTERNATIVES = Pattern.compile(
      ALTERNATIVE + "(?:\\|" + ALTERNATIVE + "){0,31}");

  private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  private static final String LETTERS = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
  private static final String REST = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String NO_WORD = "[^\\r\\n\\p{L}\\p{N}]?";

  private static final Set<String> PUBLISHED = Set.of(
      // GPT-2
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
      "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
      // Llama 3
      CONTRACTIONS + "|" + LETTERS + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" + REST,
      // Qwen 2, 2.5 and 3
      CONTRACTIONS + "|" + LETTERS + "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" + REST,
      // Mistral Nemo and later
      NO_WORD + UPPER + "*" + LOWER + "+|" + NO_WORD + UPPER + "+" + LOWER
          + "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" + REST,
      // o200k
      NO_WORD + UPPER + "*" + LOWER + "+" + CONTRACTIONS + "?|" + NO_WORD + UPPER + "+" + LOWER
          + "*"
          + CONTRACTIONS + "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" + REST,
      // DeepSeek V3 and the R1 models distilled from it
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
          + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|" + REST);

  private WordPatterns() {
  }

  /** Whether the pattern may be handed to the native tokenizer. */
  static boolean isSafe(String regex) {
    return PUBLISHED.contains(regex)
        || (regex.length() <= MAX_LENGTH && ALTERNATIVES.matcher(regex).matches());
  }
}
