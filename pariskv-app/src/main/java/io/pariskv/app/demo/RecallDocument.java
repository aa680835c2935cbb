package io.pariskv.app.demo;

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

/**
 * A long document in the language of the bundled model, with a path hidden in it, and the question that
 * follows the path. Every step of the answer names the next sentence to find, so each needs a retrieval
 * of its own: nothing can be known when the question is read.
 *
 * @param text the document and the question, the content of one user turn
 * @param answer what the model should write, one sentence a hop
 * @param hops sentences of the answer
 */
public record RecallDocument(String text, String answer, int hops) {
  /** Tokens of every sentence, as the bundled tokenizer counts. */
  public static final int SENTENCE_TOKENS = 14;

  /** Tokens of the chat template and the question: 30 to 34, as the first word is spelt in letters. */
  private static final int FRAME_TOKENS = 32;

  /** Share of the sentences that are links of the path. */
  private static final double LINK_SHARE = 0.1;

  private static final String[] FILLERS = {
      "The {a} {n} {v} the {a} {n} near the {a} {n} and rested .",
      "A {a} {n} {v} one {n} while the {a} {n} {v} the {n} .",
      "Every {n} in the {a} {n} {v} a {a} {n} with the {n} .",
      "Some {n} near the {a} {n} {v} the {n} but never the {n} ."};

  /**
   * Makes a document.
   *
   * @param tokens length of the prompt with the bundled tokenizer, to within a sentence
   * @param hops sentences of the answer; below the number of links
   * @param seed the same seed gives the same document
   */
  public static RecallDocument path(int tokens, int hops, long seed) {
    int sentences = Math.round((tokens - FRAME_TOKENS) / (float) SENTENCE_TOKENS);
    if (sentences < hops + 2) {
      throw new IllegalArgumentException(
          "a document of " + tokens + " tokens has no room for " + hops + " hops");
    }
    Random random = new Random(seed);
    Map<Character, List<String>> words = words();
    int links = Math.max(hops + 2, (int) (sentences * LINK_SHARE));
    List<String> places = places(words, Math.min(links, 20_000), random);
    List<String> lines = new ArrayList<>(sentences);
    for (int i = 0; i < places.size(); i++) {
      lines.add(link(places.get(i), places.get((i + 1) % places.size())));
    }
    while (lines.size() < sentences) {
      lines.add(fill(FILLERS[random.nextInt(FILLERS.length)], words, random));
    }
    Collections.shuffle(lines, random);
    int start = random.nextInt(places.size());
    StringBuilder answer = new StringBuilder();
    for (int hop = 0; hop < hops; hop++) {
      answer.append(' ').append(link(places.get((start + hop) % places.size()),
          places.get((start + hop + 1) % places.size())));
    }
    String text = " " + String.join(" ", lines) + " Question : Follow the path from the "
        + places.get(start) + " .";
    return new RecallDocument(text, answer.toString(), hops);
  }

  /** How many hops of {@code output} are right before the first that is not. */
  public int rightHops(String output) {
    int right = 0;
    int end = 0;
    for (int hop = 0; hop < hops; hop++) {
      end = answer.indexOf(" .", end + 1) + 2;
      if (!output.startsWith(answer.substring(0, end))) {
        break;
      }
      right++;
    }
    return right;
  }

  private static String link(String from, String to) {
    return "The path from the " + from + " leads to the " + to + " on foot .";
  }

  /** Different pairs of an adjective and a noun. */
  private static List<String> places(Map<Character, List<String>> words, int count, Random random) {
    List<String> all = new ArrayList<>();
    for (String adjective : words.getOrDefault('a', List.of())) {
      for (String noun : words.getOrDefault('n', List.of())) {
        all.add(adjective + " " + noun);
      }
    }
    Collections.shuffle(all, random);
    return all.subList(0, Math.min(count, all.size()));
  }

  private static String fill(String template, Map<Character, List<String>> words, Random random) {
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

  /** The model's words by the letter that templates use: adjectives, nouns, verbs. */
  private static Map<Character, List<String>> words() {
    Map<Character, List<String>> words = new HashMap<>();
    InputStream resource = RecallDocument.class.getResourceAsStream("words.txt");
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
    return words;
  }
}
