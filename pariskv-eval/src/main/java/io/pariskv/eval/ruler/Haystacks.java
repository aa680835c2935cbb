package io.pariskv.eval.ruler;

import java.text.BreakIterator;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** Texts that needles are put into. */
final class Haystacks {
  /** The line that haystacks of noise repeat. */
  static final String NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";

  /** Percent of the text that may stand before a needle of an essay. */
  private static final int DEPTHS = 40;

  private Haystacks() {
  }

  /** Puts needles between the sentences of a text, at different ones of 40 depths. */
  static String essay(String text, List<String> needles, Random random) {
    List<String> sentences = sentences(text);
    List<Integer> depths = sorted(DEPTHS, needles.size(), random);
    List<String> pieces = new ArrayList<>(sentences.size() + needles.size());
    int from = 0;
    for (int i = 0; i < needles.size(); i++) {
      long percent = Math.round(100.0 * depths.get(i) / (DEPTHS - 1));
      int to = (int) (sentences.size() * (percent / 100.0));
      pieces.addAll(sentences.subList(from, to));
      pieces.add(needles.get(i));
      from = to;
    }
    pieces.addAll(sentences.subList(from, sentences.size()));
    return String.join(" ", pieces);
  }

  /** Puts needles, in their order, before different ones of some lines. */
  static String lines(List<String> lines, List<String> needles, Random random) {
    List<Integer> before = sorted(lines.size(), needles.size(), random);
    List<String> all = new ArrayList<>(lines.size() + needles.size());
    int next = 0;
    for (int i = 0; i < lines.size(); i++) {
      if (next < needles.size() && before.get(next) == i) {
        all.add(needles.get(next++));
      }
      all.add(lines.get(i));
    }
    return String.join("\n", all);
  }

  /** Where a needle starts, in percent of the text around it. */
  static int depth(String context, String needle) {
    int rest = Math.max(1, context.length() - needle.length());
    return (int) Math.round(100.0 * context.indexOf(needle) / rest);
  }

  /** Different numbers below a bound, ascending. */
  private static List<Integer> sorted(int bound, int count, Random random) {
    List<Integer> numbers = Samples.of(bound, count, random);
    Collections.sort(numbers);
    return numbers;
  }

  private static List<String> sentences(String text) {
    BreakIterator breaks = BreakIterator.getSentenceInstance(Locale.US);
    breaks.setText(text);
    List<String> sentences = new ArrayList<>();
    int from = 0;
    for (int to = breaks.next(); to != BreakIterator.DONE; to = breaks.next()) {
      String sentence = text.substring(from, to).strip();
      if (!sentence.isEmpty()) {
        sentences.add(sentence);
      }
      from = to;
    }
    return sentences;
  }
}
