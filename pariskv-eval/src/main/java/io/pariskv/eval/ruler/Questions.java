package io.pariskv.eval.ruler;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** Questions about documents, the right ones among others: question i for sample i. */
record Questions(RulerData data, Source from) implements Recipe {
  private static final String INSTRUCTION = "Answer the question based on the given documents. Only give me the answer and do not output"
      + " any other words.\n\n";
  private static final String PREFIX = " Answer:";

  enum Source {
    SQUAD, HOTPOT
  }

  private QuestionSet questions() {
    return data.questions(from);
  }

  @Override
  public int maxTokens() {
    return 32;
  }

  @Override
  public int smallest(int length) {
    return questions().fewestDocuments();
  }

  @Override
  public int largest() {
    return questions().documents().size();
  }

  @Override
  public int increment(int length) {
    return 10;
  }

  @Override
  public int samples() {
    return questions().questions().size();
  }

  @Override
  public Draft draft(int length, int units, int index, Random random) {
    QuestionSet.Question question = questions().questions().get(index);
    List<Integer> chosen = documents(question, units, random);
    Collections.shuffle(chosen, random);
    StringBuilder text = new StringBuilder(INSTRUCTION)
        .append("The following are given documents.\n\n");
    for (int i = 0; i < chosen.size(); i++) {
      text.append("Document ").append(i + 1).append(":\n")
          .append(questions().documents().get(chosen.get(i))).append("\n\n");
    }
    return new Draft(text.append(INSTRUCTION).toString(), "Question: " + question.text(), PREFIX,
        question.answers(), Map.of("data", questions().source()));
  }

  /** The gold documents, then others of the same article, then any others. */
  private List<Integer> documents(QuestionSet.Question question, int units, Random random) {
    List<Integer> chosen = new ArrayList<>(question.gold());
    int more = Math.min(units - chosen.size(), question.related().size());
    if (more > 0) {
      chosen.addAll(Samples.of(question.related(), more, random));
    }
    Set<Integer> taken = new HashSet<>(chosen);
    List<Integer> others = new ArrayList<>();
    for (int i = 0; i < questions().documents().size(); i++) {
      if (!taken.contains(i)) {
        others.add(i);
      }
    }
    int left = Math.min(units - chosen.size(), others.size());
    if (left > 0) {
      chosen.addAll(Samples.of(others, left, random));
    }
    return chosen;
  }
}
