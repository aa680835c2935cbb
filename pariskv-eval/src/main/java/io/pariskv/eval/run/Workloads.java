package io.pariskv.eval.run;

import io.pariskv.error.InputException;
import io.pariskv.eval.Task;
import io.pariskv.eval.recall.RecallTasks;
import java.util.List;
import java.util.stream.Stream;

/** What the command line can run, by name: tasks, groups of tasks, and what is only measured. */
public final class Workloads {
  private Workloads() {
  }

  /** Every name there is. */
  public static List<String> names() {
    return Stream
        .concat(Stream.of(RecallTasks.GROUP), RecallTasks.tasks().stream().map(Task::name))
        .toList();
  }

  /**
   * The workloads of these names, in this order.
   *
   * @throws InputException if a name is not known, with the names there are
   */
  public static List<Workload> named(List<String> names) {
    return names.stream().distinct().flatMap(name -> named(name).stream()).toList();
  }

  private static List<Workload> named(String name) {
    if (!names().contains(name)) {
      throw new InputException(
          "task '" + name + "' is not known; choose one of " + String.join(", ", names()));
    }
    return RecallTasks.tasks().stream()
        .filter(task -> name.equals(RecallTasks.GROUP) || name.equals(task.name()))
        .<Workload>map(TaskWorkload::new).toList();
  }
}
