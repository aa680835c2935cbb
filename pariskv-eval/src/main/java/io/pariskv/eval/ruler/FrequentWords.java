package io.pariskv.eval.ruler;

import io.pariskv.error.InputException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;

/** Frequent words extraction: coded words, of which rank r appears in proportion to r to the power of -2. */
record FrequentWords() implements Recipe {
  private static final int LETTERS = 6;
  private static final int FEWEST_WORDS = 5;
  /** From here on the fourth rank appears more often than the fifth, so the answer is certain. */
  private static final int FEWEST_UNITS = 73;
  private static final double ZETA_2 = Math.PI * Math.PI / 6;
  private static final String INTRODUCTION = "Read the following coded text and track the frequency of each coded word."
      + " Find the three most frequently appeared coded words. ";
  private static final String QUESTION = "Question: Do not provide any explanation. Please ignore the dots '....'."
      + " What are the three most frequently appeared words in the above coded text?";
  private static final String PREFIX = " Answer: According to the coded text above, the three most frequently appeared words are:";

  @Override
  public int maxTokens() {
    return 50;
  }

  private int textTokens(int length) {
    return length - maxTokens();
  }

  private int vocabulary(int length) {
    return textTokens(length) / 50;
  }

  @Override
  public int step(int length) {
    return Math.max(1, textTokens(length) / 32);
  }

  @Override
  public int increment(int length) {
    return step(length);
  }

  /** The repository starts at a sixth of the tokens and goes on in steps; the same steps, from further down. */
  @Override
  public int smallest(int length) {
    if (vocabulary(length) < FEWEST_WORDS) {
      throw new InputException("fwe cannot be put in " + length + " tokens: it has "
          + vocabulary(length) + " different words then, expected at least " + FEWEST_WORDS
          + "; ask for at least " + (50 * FEWEST_WORDS + maxTokens()) + " tokens");
    }
    int step = step(length);
    int units = textTokens(length) / LETTERS % step;
    return units + Math.ceilDiv(Math.max(0, FEWEST_UNITS - units), step) * step;
  }

  private static int times(int units, int rank) {
    return (int) (units / (ZETA_2 * rank * rank));
  }

  @Override
  public Draft draft(int length, int units, int index, Random random) {
    Set<String> drawn = new TreeSet<>();
    while (drawn.size() < vocabulary(length)) {
      drawn.add(word(random));
    }
    List<String> words = new ArrayList<>(drawn);
    Collections.shuffle(words, random);
    words.set(0, "...");
    List<String> text = new ArrayList<>();
    for (int rank = 1; rank <= words.size(); rank++) {
      text.addAll(Collections.nCopies(times(units, rank), words.get(rank - 1)));
    }
    Collections.shuffle(text, random);
    return new Draft(INTRODUCTION + String.join(" ", text) + "\n", QUESTION, PREFIX,
        List.copyOf(words.subList(1, 4)), Map.of("data", RulerData.NONE));
  }

  private static String word(Random random) {
    StringBuilder word = new StringBuilder();
    for (int i = 0; i < LETTERS; i++) {
      word.append((char) ('a' + random.nextInt(26)));
    }
    return word.toString();
  }
}
