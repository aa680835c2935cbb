package io.pariskv.model.file;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.pariskv.error.InputException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;

/** Seeded damage to a good input, and the promise that a reader must keep on all of it. */
final class Mutations {
  private static final String[] NUMBERS = {"-1", "0", "1", "3", "4096", "2147483647", "2147483648",
      "4294967296",
      "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e308", "1e999", "0.5",
      "1e-400", "null",
      "true", "\"7\"", "[]", "{}", "[[[[[[[[]]]]]]]]", "NaN", "1".repeat(500)};

  private Mutations() {
  }

  /**
   * Runs a reader over damaged copies. It may succeed or throw {@link InputException} with a one-line
   * message; anything else fails, as does an allocation out of proportion.
   *
   * @param start      first byte that may be damaged
   * @param end        end of the bytes that may be damaged
   * @param limitBytes what one run may allocate on the heap
   */
  static void run(byte[] good, int start, int end, int count, long seed, long limitBytes,
      Consumer<byte[]> reader) {
    ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Random random = new Random(seed);
    for (int i = 0; i < count; i++) {
      byte[] bad = damaged(good, start, end, random);
      String what = "seed " + seed + ", mutation " + i + ": ";
      long before = thread.getCurrentThreadAllocatedBytes();
      try {
        reader.accept(bad);
      } catch (InputException e) {
        String message = String.valueOf(e.getMessage());
        assertTrue(message.lines().count() == 1 && message.length() < 1_000, () -> what + message);
      } catch (RuntimeException | Error e) {
        throw new AssertionError(what + e, e);
      }
      long allocated = thread.getCurrentThreadAllocatedBytes() - before;
      assertTrue(allocated < limitBytes, () -> what + "allocated " + allocated + " bytes");
    }
  }

  private static byte[] damaged(byte[] good, int start, int end, Random random) {
    byte[] bad = good.clone();
    int at = start + random.nextInt(end - start);
    switch (random.nextInt(5)) {
      case 0 -> bad[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> {
        for (int i = 0; i < 4; i++) {
          bad[start + random.nextInt(end - start)] = (byte) random.nextInt(256);
        }
      }
      case 2 -> bad = Arrays.copyOf(bad, at);
      case 3 -> bad = replaceNumber(bad, at, end, NUMBERS[random.nextInt(NUMBERS.length)]);
      default -> { // repeats a stretch, which also makes duplicate keys
        int length = Math.min(random.nextInt(200), end - at);
        bad = spliced(bad, at, at, Arrays.copyOfRange(bad, at, at + length));
      }
    }
    return bad;
  }

  /** Replaces the first number at or after a place. */
  private static byte[] replaceNumber(byte[] bytes, int from, int end, String number) {
    int first = from;
    while (first < end && !Character.isDigit(bytes[first])) {
      first++;
    }
    int last = first;
    while (last < end && Character.isDigit(bytes[last])) {
      last++;
    }
    return spliced(bytes, first, last, number.getBytes(StandardCharsets.US_ASCII));
  }

  private static byte[] spliced(byte[] bytes, int from, int to, byte[] middle) {
    byte[] result = Arrays.copyOf(bytes, bytes.length - (to - from) + middle.length);
    System.arraycopy(middle, 0, result, from, middle.length);
    System.arraycopy(bytes, to, result, from + middle.length, bytes.length - to);
    return result;
  }
}
