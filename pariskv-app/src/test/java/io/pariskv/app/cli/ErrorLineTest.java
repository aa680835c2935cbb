package io.pariskv.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import org.junit.jupiter.api.Test;

/** What a person reads of an error. */
class ErrorLineTest {
  @Test
  void messagesOfSeveralLines_becomeOne_withoutControlCharacters() {
    assertEquals("pariskv: one two?[31m three ?",
        ErrorLine.of(new InputException("one\n  two\u001b[31m\r\nthree \u0007")));
  }

  @Test
  void outOfMemory_saysTheWayOut() {
    String line = ErrorLine.of(new OutOfMemoryError("Java heap space"));
    assertTrue(line.startsWith("pariskv: out of memory (Java heap space); "), line);
    assertTrue(line.contains("PARISKV_HEAP"), line);
  }

  @Test
  void memoryOfAGpu_orPinned_thatIsShort_saysWhatToDoOnce_andNothingOfTheHeap() {
    String message = "cannot allocate [9] u8 on the GPU: 9 B asked, 1 B free; lower --context";
    assertEquals("pariskv: " + message, ErrorLine.of(new OutOfMemoryError(message)));
    String heap = ErrorLine.of(new OutOfMemoryError("Cannot reserve 9 bytes of direct memory"));
    assertTrue(heap.contains("PARISKV_HEAP"), heap);
    assertTrue(ErrorLine.of(new OutOfMemoryError()).contains("PARISKV_HEAP"));
  }

  @Test
  void otherExceptions_areCalledInternal() {
    assertEquals("pariskv: internal error: java.lang.IllegalStateException: x;"
        + " run again with --debug and report it", ErrorLine.of(new IllegalStateException("x")));
  }
}
