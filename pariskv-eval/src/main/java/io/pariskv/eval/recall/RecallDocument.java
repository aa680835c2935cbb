package io.pariskv.eval.recall;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A long document in the language of the bundled model, and a question about it.
 *
 * @param body the document, sentence after sentence
 * @param question what follows it, in the same turn
 * @param answer what the model should write, sentence after sentence
 */
public record RecallDocument(String body, String question, List<String> answer) {
  /** Tokens of every sentence, as the bundled tokenizer counts. */
  public static final int SENTENCE_TOKENS = 14;

  /** Tokens of the chat template and the question of a path: 30 to 34, as the first word is spelt in letters. */
  private static final int FRAME_TOKENS = 32;

  /** Most names of things in a document: the model has words for some more. */
  private static final int MAX_NAMES = 20_000;

  private static final RecallWords WORDS = new RecallWords();
  private static final double LINK_SHARE = 0.1;
  private static final double NUMBER_SHARE = 0.2;
  private static final double LIST_SHARE = 0.1;

  /** Copies the list. */
  public RecallDocument {
    answer = List.copyOf(answer);
  }

  /** The content of one user turn. */
  public String text() {
    return " " + body + " " + question;
  }

  /** The whole answer as the model writes it. */
  public String answerText() {
    return " " + String.join(" ", answer);
  }

  /**
   * A path hidden in a document. Every step of the answer names the next sentence to find, so each needs a
   * retrieval of its own: nothing can be known when the question is read.
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
    return pathOf(sentences, hops, seed);
  }

  /** The same by the number of sentences, a tenth of which are links of one cycle. */
  static RecallDocument pathOf(int sentences, int hops, long seed) {
    Random random = new Random(seed);
    int links = Math.max(hops + 2, (int) (sentences * LINK_SHARE));
    List<String> places = WORDS.names(Math.min(links, MAX_NAMES), random);
    List<String> path = IntStream.range(0, places.size()).mapToObj(
        i -> RecallWords.link(places.get(i), places.get((i + 1) % places.size()))).toList();
    String body = String.join(" ", shuffled(path, sentences, random));
    int start = random.nextInt(places.size());
    return new RecallDocument(body,
        "Question : Follow the path from the " + places.get(start) + " .",
        IntStream.range(start, start + hops).mapToObj(i -> path.get(i % places.size())).toList());
  }

  /**
   * Secret numbers in a fifth of the sentences, and the question for one of them.
   *
   * @param depth where its sentence stands, from 0 for the first to 1 for the last
   */
  static RecallDocument number(int sentences, double depth, long seed) {
    Random random = new Random(seed);
    List<String> names = WORDS.names(count(sentences, NUMBER_SHARE, 1), random);
    List<String> needles = numbers(names, random);
    List<String> lines = shuffled(needles, sentences, random);
    Collections.swap(lines, lines.indexOf(needles.getFirst()),
        (int) Math.round(depth * (sentences - 1)));
    return new RecallDocument(String.join(" ", lines),
        "Question : What is the secret number of the " + names.getFirst() + " ?",
        needles.subList(0, 1));
  }

  /** Secret numbers in a tenth of the sentences, and the question for {@code keys} of them. */
  static RecallDocument list(int sentences, int keys, long seed) {
    Random random = new Random(seed);
    List<String> names = WORDS.names(count(sentences, LIST_SHARE, keys), random);
    List<String> needles = numbers(names, random);
    String body = String.join(" ", shuffled(needles, sentences, random));
    return new RecallDocument(body, "Question : What are the secret numbers of the "
        + String.join(" and the ", names.subList(0, keys)) + " ?", needles.subList(0, keys));
  }

  private static int count(int sentences, double share, int least) {
    return Math.min(MAX_NAMES, Math.max(least, (int) (sentences * share)));
  }

  private static List<String> numbers(List<String> names, Random random) {
    return names.stream().map(name -> RecallWords.number(name,
        String.format(Locale.ROOT, "%04d", random.nextInt(10_000)))).toList();
  }

  private static List<String> shuffled(List<String> needles, int sentences, Random random) {
    List<String> lines = new ArrayList<>(needles);
    while (lines.size() < sentences) {
      lines.add(WORDS.filler(random));
    }
    Collections.shuffle(lines, random);
    return lines;
  }

  /** How many sentences of {@code output} are right before the first that is not. */
  public int rightSentences(String output) {
    return rightSentences(answer, output);
  }

  static int rightSentences(List<String> answer, String output) {
    int right = 0;
    StringBuilder expected = new StringBuilder();
    for (String sentence : answer) {
      if (!output.startsWith(expected.append(' ').append(sentence).toString())) {
        break;
      }
      right++;
    }
    return right;
  }
}
