package io.pariskv.eval.data;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Reads a user's text file whole: UTF-8, bounded, errors as one line. */
public final class DataFile {
  /** Most bytes of a file that is read whole. */
  static final int MAX_BYTES = 128 << 20;

  private static final String LFS_POINTER = "version https://git-lfs";
  private static final int LONGEST_SHOWN = 60;

  private DataFile() {
  }

  /**
   * The text of a file, without a byte order mark.
   *
   * @throws InputException if it cannot be read, is too large, is only a Git LFS pointer or is not UTF-8; the
   *     last names the line
   */
  public static String text(Path file) {
    byte[] bytes = bytes(file);
    ByteBuffer in = ByteBuffer.wrap(bytes);
    CharBuffer out = CharBuffer.allocate(bytes.length);
    CoderResult result = StandardCharsets.UTF_8.newDecoder().decode(in, out, true);
    if (result.isError()) {
      long line = 1 + out.flip().chars().filter(c -> c == '\n').count();
      throw new InputException(file + ", line " + line + ": is not UTF-8 text at byte "
          + in.position() + "; save it as UTF-8");
    }
    String text = out.flip().toString();
    if (text.startsWith(LFS_POINTER)) {
      throw new InputException(file
          + " is a Git LFS pointer, not the file itself; run \"git lfs pull\" where it is from");
    }
    return text.startsWith("\ufeff") ? text.substring(1) : text;
  }

  /** The lines of a list of words, trimmed, without empty ones. */
  public static List<String> words(Path file) {
    List<String> words = text(file).lines().map(String::strip).filter(word -> !word.isEmpty())
        .toList();
    if (words.isEmpty()) {
      throw new InputException(file + " has no words, expected one a line");
    }
    return words;
  }

  private static byte[] bytes(Path file) {
    check(file);
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new InputException(file + " has more than " + MAX_BYTES
            + " bytes, the most that is read; is it the right file?");
      }
      return bytes;
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** Refuses what is not a regular file: a pipe would block. */
  static void check(Path file) {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new InputException(file + " is not a regular file, expected one; check the path");
    }
  }

  /** What the operating system said, as one line. */
  static InputException unreadable(Path file, IOException e) {
    return e instanceof NoSuchFileException
        ? new InputException(file + " does not exist; check the path", e)
        : new InputException(file + " cannot be read: " + shown(String.valueOf(e.getMessage()))
            + "; check it", e);
  }

  /** Text from a file, fit for a one-line message. */
  static String shown(String text) {
    int length = Math.min(text.length(), LONGEST_SHOWN);
    char[] shown = text.substring(0, length).toCharArray();
    for (int i = 0; i < length; i++) {
      if (Character.isISOControl(shown[i]) || shown[i] == '\u2028' || shown[i] == '\u2029') {
        shown[i] = ' ';
      }
    }
    return new String(shown) + (text.length() > LONGEST_SHOWN ? "..." : "");
  }

  /** The names in a message: {@code "a", "b"}. */
  static String quoted(String... names) {
    return String.join(" or ", Arrays.stream(names).map(name -> '"' + name + '"').toList());
  }
}
