package io.pariskv.eval.recall;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** The model's words, and sentences of them: 14 tokens each, as the bundled tokenizer counts. */
final class RecallWords {
  private static final List<String> FILLERS = List.of(
      "The {a} {n} {v} the {a} {n} near the {a} {n} and rested .",
      "A {a} {n} {v} one {n} while the {a} {n} {v} the {n} .",
      "Every {n} in the {a} {n} {v} a {a} {n} with the {n} .",
      "Some {n} near the {a} {n} {v} the {n} but never the {n} .");

  /** By the letter that templates use: adjectives, nouns, verbs. */
  private final Map<Character, List<String>> words = new HashMap<>();

  RecallWords() {
    InputStream resource = RecallWords.class.getResourceAsStream("words.txt");
    if (resource == null) {
      throw new IllegalStateException("words.txt is missing from the jar; build it again");
    }
    try (BufferedReader reader = new BufferedReader(
        new InputStreamReader(resource, StandardCharsets.UTF_8))) {
      reader.lines().map(line -> List.of(line.split(" ")))
          .forEach(line -> words.put(line.getFirst().charAt(0), line.subList(1, line.size())));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** All of them. */
  List<String> all() {
    return words.values().stream().flatMap(List::stream).toList();
  }

  /** Different pairs of an adjective and a noun, in random order; fewer if there are not so many. */
  List<String> names(int count, Random random) {
    List<String> all = new ArrayList<>();
    for (String adjective : words.getOrDefault('a', List.of())) {
      for (String noun : words.getOrDefault('n', List.of())) {
        all.add(adjective + " " + noun);
      }
    }
    Collections.shuffle(all, random);
    return all.subList(0, Math.min(count, all.size()));
  }

  /** A sentence that answers nothing. */
  String filler(Random random) {
    String template = FILLERS.get(random.nextInt(FILLERS.size()));
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < template.length(); i++) {
      if (template.charAt(i) == '{') {
        List<String> choices = words.getOrDefault(template.charAt(i + 1), List.of());
        line.append(choices.get(random.nextInt(choices.size())));
        i += 2;
      } else {
        line.append(template.charAt(i));
      }
    }
    return line.toString();
  }

  static String link(String from, String to) {
    return "The path from the " + from + " leads to the " + to + " on foot .";
  }

  static String number(String name, String number) {
    return "The secret number of the " + name + " is " + number + " .";
  }
}
