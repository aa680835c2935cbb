package io.pariskv.eval.catalogue;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.eval.Task;
import io.pariskv.eval.data.TaskData;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class TasksTest {

  @Test
  void aName_isATaskOrAGroup() {
    assertEquals(List.of("vt"),
        Tasks.named("vt", TaskData.NONE).stream().map(Task::name).toList());
    assertEquals(13, Tasks.named("ruler", TaskData.NONE).size());
    assertEquals(Tasks.names().size(), new HashSet<>(Tasks.names()).size());
    assertTrue(
        Tasks.names().containsAll(List.of("ruler", "longbench-v2", "aime", "gpqa", "math500")));
  }

  @Test
  void anUnknownName_isRefusedWithAllNames() {
    for (String name : List.of("niah", "")) {
      InputException refused = assertThrows(InputException.class,
          () -> Tasks.named(name, TaskData.NONE));
      Tasks.names().forEach(known -> assertTrue(refused.toString().contains(known), known));
    }
  }
}
