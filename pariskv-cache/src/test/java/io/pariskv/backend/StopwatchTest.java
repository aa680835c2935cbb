package io.pariskv.backend;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What can be said of a stopwatch without looking at how much time passed. */
class StopwatchTest {
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void itsTime_isThatBetweenStartAndStop_andCoversOneWithin(Backend backend) {
    try (Stopwatch outer = backend.newStopwatch();
        Stopwatch inner = backend.newStopwatch();
        Allocator memory = backend.newAllocator()) {
      Buffer work = memory.allocate(DType.F32, 100_000);
      outer.start();
      inner.start();
      backend.layers().randomFill().fill(work, 1, 1);
      inner.stop();
      backend.layers().randomFill().fill(work, 2, 1);
      outer.stop();

      assertTrue(inner.milliseconds() > 0);
      assertTrue(outer.milliseconds() >= inner.milliseconds());
      assertEquals(inner.milliseconds(), inner.milliseconds());
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void oneThatIsNotStartedOrStopped_isRefused(Backend backend) {
    try (Stopwatch stopwatch = backend.newStopwatch()) {
      assertRefused(IllegalStateException.class, stopwatch::stop, "not started");
      stopwatch.start();
      assertRefused(IllegalStateException.class, stopwatch::milliseconds, "stopped");
      stopwatch.stop();
      stopwatch.start();
      assertRefused(IllegalStateException.class, stopwatch::milliseconds, "stopped");
    }
  }
}
