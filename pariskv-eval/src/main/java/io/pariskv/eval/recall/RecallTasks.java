package io.pariskv.eval.recall;

import io.pariskv.eval.Task;
import java.util.List;

/** The group of tasks for the bundled model. */
public final class RecallTasks {
  /** Its name on the command line. */
  public static final String GROUP = "recall-tasks";

  private RecallTasks() {
  }

  /** Its tasks. */
  public static List<Task> tasks() {
    return List.of(RecallTask.number(), RecallTask.list(), RecallTask.path());
  }
}
