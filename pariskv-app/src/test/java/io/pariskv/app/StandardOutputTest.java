package io.pariskv.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** Standard output tells a reader that went away from a disk that is full. */
class StandardOutputTest {
  @Test
  void whatIsWritten_arrives() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    StandardOutput out = new StandardOutput(bytes);
    out.write('a');
    out.write("bcd".getBytes(StandardCharsets.UTF_8), 1, 2);
    assertEquals("acd", bytes.toString(StandardCharsets.UTF_8));
    assertNull(out.failure());
  }

  @Test
  void failure_isRemembered() {
    IOException full = new IOException("No space left on device");
    StandardOutput out = new StandardOutput(new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        throw full;
      }
    });
    assertThrows(IOException.class, () -> out.write('a'));
    assertEquals(full, out.failure());
  }

  @Test
  void onlyAPipe_isAReaderThatWentAway() {
    assertTrue(StandardOutput.isReaderGone(new IOException("Broken pipe")));
    assertTrue(StandardOutput.isReaderGone(new IOException("The pipe has been ended")));
    assertFalse(StandardOutput.isReaderGone(new IOException("No space left on device")));
    assertFalse(StandardOutput.isReaderGone(new IOException()));
  }
}
