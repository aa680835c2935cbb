package io.pariskv.eval.recall;

import io.pariskv.eval.Task;
import io.pariskv.text.Tokenizer;
import java.util.List;

/** The group of tasks for the bundled model. */
public final class RecallTasks {
  /** Its name on the command line. */
  public static final String GROUP = "recall-tasks";

  /** Tokens of the vocabulary for each word: names beside single bytes and letters. */
  private static final int OTHERS = 8;

  private static final RecallWords WORDS = new RecallWords();

  private RecallTasks() {
  }

  /** Whether a tokenizer is of a model that they are for: one token for each of their words, and few others. */
  public static boolean speaks(Tokenizer tokenizer) {
    List<String> words = WORDS.all();
    return tokenizer.vocabularySize() <= OTHERS * words.size()
        && tokenizer.encode(" " + String.join(" ", words)).length == words.size();
  }

  /** Its tasks. */
  public static List<Task> tasks() {
    return List.of(RecallTask.number(), RecallTask.list(), RecallTask.path());
  }
}
