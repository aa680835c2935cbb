package io.pariskv.eval.ruler;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Common words extraction: a numbered list in which ten words appear more often than the others. */
record CommonWords(RulerData data) implements Recipe {
  private static final int COMMON = 10;
  private static final String INTRODUCTION = "Below is a numbered list of words. In these words, some appear more often than others."
      + " Memorize the ones that appear most often.\n";
  private static final String QUESTION = "Question: What are the 10 most common words in the above list?";
  private static final String PREFIX = " Answer: The top 10 words that appear most often in the list are:";

  @Override
  public int maxTokens() {
    return 120;
  }

  /** Words beside the common ones, or nothing tells them apart. */
  @Override
  public int smallest(int length) {
    return COMMON + 1;
  }

  @Override
  public int largest() {
    return data.words().most();
  }

  @Override
  public int increment(int length) {
    return 10;
  }

  /** Words in their order, and the common ones among them. */
  private record Numbered(String text, List<String> common) {
  }

  @Override
  public Draft draft(int length, int units, int index, Random random) {
    boolean small = length < SHORT;
    Numbered shown = small ? list(20, 3, 1, random) : list(40, 10, 3, random);
    Numbered asked = small ? list(units, 6, 1, random) : list(units, 30, 3, random);
    String example = INTRODUCTION + shown.text() + "\n" + QUESTION + PREFIX
        + numbered(shown.common()) + "\n";
    return new Draft(example + INTRODUCTION + asked.text() + "\n", QUESTION, PREFIX,
        asked.common(), Map.of("data",
            RulerData.names(data.words().atLeast(units).source(), data.words().all().source())));
  }

  private Numbered list(int words, int commonTimes, int otherTimes, Random random) {
    List<String> drawn = Samples.of(data.words().atLeast(words).words(), words, random);
    List<String> common = List.copyOf(drawn.subList(0, COMMON));
    List<String> all = new ArrayList<>();
    for (int i = 0; i < words; i++) {
      all.addAll(Collections.nCopies(i < COMMON ? commonTimes : otherTimes, drawn.get(i)));
    }
    Collections.shuffle(all, random);
    return new Numbered(numbered(all), common);
  }

  private static String numbered(List<String> words) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < words.size(); i++) {
      text.append(i == 0 ? "" : " ").append(i + 1).append(". ").append(words.get(i));
    }
    return text.toString();
  }
}
