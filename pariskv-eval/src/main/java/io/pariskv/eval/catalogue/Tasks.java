package io.pariskv.eval.catalogue;

import io.pariskv.error.InputException;
import io.pariskv.eval.Task;
import io.pariskv.eval.data.TaskData;
import io.pariskv.eval.exam.Exams;
import io.pariskv.eval.recall.RecallTasks;
import io.pariskv.eval.ruler.Ruler;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The tasks that there are, by name and in groups. */
public final class Tasks {

  private Tasks() {
  }

  /** Every group with its tasks; a group named "" is only a list. To add tasks, add a line. */
  private static Map<String, List<Task>> groups(TaskData data) {
    Map<String, List<Task>> groups = new LinkedHashMap<>();
    groups.put(RecallTasks.GROUP, RecallTasks.tasks());
    groups.put(Ruler.GROUP, Ruler.tasks(data));
    groups.put("", Exams.tasks(data));
    return groups;
  }

  /**
   * The task of that name, or the tasks of the group of that name.
   *
   * @throws InputException if there is none; the message lists all names
   */
  public static List<Task> named(String name, TaskData data) {
    Map<String, List<Task>> groups = groups(data);
    List<Task> group = groups.get(name);
    if (group != null && !name.isEmpty()) {
      return group;
    }
    return groups.values().stream().flatMap(List::stream).filter(task -> task.name().equals(name))
        .findFirst().map(List::of).orElseThrow(() -> new InputException(
            "there is no task \"" + name + "\"; known are " + String.join(", ", names())));
  }

  /** The names of all groups and tasks. */
  public static List<String> names() {
    List<String> names = new ArrayList<>();
    groups(TaskData.NONE).forEach((group, tasks) -> {
      if (!group.isEmpty()) {
        names.add(group);
      }
      tasks.forEach(task -> names.add(task.name()));
    });
    return List.copyOf(names);
  }
}
