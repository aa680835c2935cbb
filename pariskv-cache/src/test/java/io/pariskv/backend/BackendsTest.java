package io.pariskv.backend;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BackendsTest {

  @Test
  void scalar_isAlwaysUsable_andComesLast() {
    List<Backends.Candidate> candidates = Backends.candidates();

    assertEquals("scalar", candidates.getLast().name());
    assertNull(candidates.getLast().unusable());
  }

  @Test
  void everyUsableBackend_opensByItsName_andAutoTakesTheFirst() {
    String first = null;
    for (Backends.Candidate candidate : Backends.candidates()) {
      if (candidate.unusable() == null) {
        try (Backend backend = Backends.open(candidate.name())) {
          assertEquals(candidate.name(), backend.name());
          assertTrue(backend.available().hostBytes() > 0);
        }
        first = first == null ? candidate.name() : first;
      }
    }
    try (Backend backend = Backends.open("auto")) {
      assertEquals(first, backend.name());
    }
  }

  /** What is known before is a reason, and so is what fails in opening; what is wrong in the program is not. */
  @Test
  void auto_goesOnWhereOpeningFails_butNotAfterAMistakeOfTheProgram() {
    for (Supplier<Backend> open : List.<Supplier<Backend>>of(() -> {
      throw new InputException("it is full");
    }, () -> {
      throw new IllegalStateException("it is full");
    }, () -> {
      throw new OutOfMemoryError("it is full");
    })) {
      OrderedBackends order = new OrderedBackends("first", () -> null, open);
      Backends.Choice choice = order.choose("auto");
      try (Backend backend = choice.backend()) {
        assertEquals("scalar", backend.name());
        assertEquals(List.of(new Backends.Candidate("first", "it is full")), choice.refused());
        assertEquals(List.of("backend scalar: first cannot be used: it is full"), choice.reasons());
      }
      assertRefused(InputException.class, () -> order.choose("first"),
          "backend first cannot be used: it is full");
    }
    OrderedBackends broken = new OrderedBackends("first", () -> null, () -> {
      throw new IllegalArgumentException("nonsense");
    });
    assertRefused(IllegalArgumentException.class, () -> broken.choose("auto"), "nonsense");
    OrderedBackends known = new OrderedBackends("first", () -> "no such machine", () -> {
      throw new AssertionError("opened");
    });
    assertEquals("no such machine", known.choose("auto").refused().getFirst().unusable());
    assertRefused(InputException.class, () -> known.choose("second"), "'second'",
        "auto, first, scalar");
  }

  @Test
  void unknownName_isRefusedWithTheChoices() {
    assertRefused(InputException.class, () -> Backends.open("tpu").close(), "'tpu'", "auto",
        "vector", "scalar");
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void memory_goesUpAndDownUnchanged(Backend backend) {
    try (Allocator allocator = backend.newAllocator()) {
      Buffer buffer = allocator.allocate(DType.I32, 3);
      backend.upload(MemorySegment.ofArray(new int[]{1, 2, 3}), buffer);
      int[] back = new int[3];
      backend.download(buffer, MemorySegment.ofArray(back));

      assertArrayEquals(new int[]{1, 2, 3}, back);
      assertSame(buffer, backend.place(buffer, allocator));
      assertRefused(IllegalArgumentException.class,
          () -> backend.upload(MemorySegment.ofArray(new int[2]), buffer), "8", "12");
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void recordedStep_runsEachTime(Backend backend) {
    AtomicInteger runs = new AtomicInteger();
    Step step = backend.record(runs::incrementAndGet);
    int recorded = runs.get();

    step.run();
    step.run();

    assertEquals(recorded + 2, runs.get());
  }
}
