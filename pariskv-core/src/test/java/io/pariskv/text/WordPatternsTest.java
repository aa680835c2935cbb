package io.pariskv.text;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WordPatternsTest {

  @ParameterizedTest
  @ValueSource(strings = {
      // Llama 3, Qwen 2, Mistral Nemo, DeepSeek V3
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      // the bundled model; simple ones
      "\\p{N}| ?[^\\s\\p{N}\\p{P}]+| ?\\p{P}|\\s+", "\\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", "\\d", " ",
      "a|b",
      "\\s+"})
  void publishedAndSimplePatterns_areSafe(String regex) {
    assertTrue(WordPatterns.isSafe(regex), regex);
  }

  @ParameterizedTest
  @ValueSource(strings = {"(a+)+$", "a*a*b", "a*b", "(x+x+)+y", "(?<=a*)b", "(?<x>a\\g<x>?b)",
      "\\1",
      "a?a?a?a?a", "(((", "", "|", "a||b", "[a", "[[a]&&[b]]", "[a&&b]", "a{9}", "a{1,100}",
      "\\x{1F600}",
      "\\p{L", "a++b", "a+?b", "^a", "a$", "\\b", "(?i)a"})
  void patternsThatMayBacktrack_areNot(String regex) {
    assertFalse(WordPatterns.isSafe(regex), regex);
  }

  @Test
  void longPatterns_areRefusedAtOnce() {
    assertFalse(WordPatterns.isSafe("(".repeat(1_000_000)));
    assertFalse(WordPatterns.isSafe("[" + "a".repeat(1000) + "("));
    assertFalse(WordPatterns.isSafe("a|".repeat(500)));
    assertTrue(WordPatterns.isSafe("[" + "a".repeat(1000) + "]+"));
  }
}
