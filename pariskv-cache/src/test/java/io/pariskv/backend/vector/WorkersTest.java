package io.pariskv.backend.vector;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkersTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5})
  void everyTask_runsExactlyOnce_beforeRunReturns(int threads) {
    try (Workers workers = new Workers(threads)) {
      assertEquals(threads, workers.count());
      for (int tasks : new int[]{0, 1, 2, 3, 17, 1000}) {
        AtomicIntegerArray runs = new AtomicIntegerArray(tasks);

        workers.run(tasks, runs::incrementAndGet);

        for (int task = 0; task < tasks; task++) {
          assertEquals(1, runs.get(task), "task " + task + " of " + tasks);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void manySmallLoops_seeEachOthersResults(int threads) {
    try (Workers workers = new Workers(threads)) {
      int[] values = new int[16]; // plain memory: the end of a loop must publish it
      for (int loop = 0; loop < 5_000; loop++) {
        int[] before = values;
        int[] after = new int[values.length];
        workers.run(after.length, task -> after[task] = before[(task + 1) % before.length] + 1);
        values = after;
      }
      int[] expected = new int[16];
      Arrays.fill(expected, 5_000);
      assertArrayEquals(expected, values);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void failure_reachesTheCaller_afterAllTasksRan(int threads) {
    try (Workers workers = new Workers(threads)) {
      AtomicInteger runs = new AtomicInteger();
      ArithmeticException cause = new ArithmeticException("task 3 is bad");

      IllegalStateException failure = assertThrows(IllegalStateException.class,
          () -> workers.run(8, task -> {
            runs.incrementAndGet();
            if (task == 3) {
              throw cause;
            }
          }));

      assertSame(cause, failure.getCause());
      assertEquals("a stage failed: task 3 is bad", failure.getMessage());
      assertEquals(8, runs.get());

      workers.run(4, task -> runs.incrementAndGet()); // and work goes on
      assertEquals(12, runs.get());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void error_isThrownAsItIs(int threads) {
    try (Workers workers = new Workers(threads)) {
      AssertionError error = new AssertionError("broken");
      assertSame(error, assertThrows(AssertionError.class, () -> workers.run(5, task -> {
        throw error;
      })));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void closedWorkers_refuseWork(int threads) {
    Workers workers = new Workers(threads);
    workers.run(10, task -> {
    });
    workers.close();
    workers.close();
    assertRefused(IllegalStateException.class, () -> workers.run(1, task -> {
    }), "closed");
  }
}
