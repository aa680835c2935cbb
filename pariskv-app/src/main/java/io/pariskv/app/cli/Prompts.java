package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Reads prompts and lists of token ids. */
final class Prompts {
  /** More text than any context holds. */
  private static final int MAX_BYTES = 64 << 20;

  private Prompts() {
  }

  /** The text of a file, which must be UTF-8 and not empty. */
  static String read(Path file) {
    if (Files.isDirectory(file)) {
      throw new InputException(file + ": is a directory, expected a text file");
    }
    try (InputStream in = Files.newInputStream(file)) {
      return read(in, file.toString());
    } catch (NoSuchFileException e) {
      throw new InputException(file + ": no such file; check the path", e);
    } catch (AccessDeniedException e) {
      throw new InputException(
          file + ": cannot be read, permission denied; change its permissions", e);
    } catch (IOException e) {
      throw unreadable(file.toString(), e);
    }
  }

  /** All text of a stream, which must be UTF-8 and not empty. */
  static String read(InputStream in, String name) {
    try {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new InputException(
            name + ": has more than " + MAX_BYTES
                + " bytes, the most that is read; split the text");
      }
      if (bytes.length == 0) {
        throw new InputException(name + ": is empty; give some text");
      }
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw notText(name, e);
    } catch (IOException e) {
      throw unreadable(name, e);
    }
  }

  /** Refuses what is no text. */
  static InputException notText(String name, CharacterCodingException e) {
    return new InputException(name + ": is not UTF-8 text; convert it to UTF-8", e);
  }

  private static InputException unreadable(String name, IOException e) {
    return new InputException(name + ": cannot be read (" + e.getMessage() + "); check it", e);
  }

  /** Comma-separated ids. */
  static int[] ids(String text, String name) {
    String[] parts = text.strip().split("\\s*,\\s*", -1);
    int[] ids = new int[parts.length];
    for (int i = 0; i < parts.length; i++) {
      try {
        ids[i] = Integer.parseInt(parts[i]);
      } catch (NumberFormatException e) {
        throw new InputException(name + ": entry " + (i + 1) + " of " + parts.length + " is '"
            + abbreviate(parts[i]) + "', expected whole numbers separated by commas", e);
      }
    }
    return ids;
  }

  private static String abbreviate(String text) {
    return text.length() > 40 ? text.substring(0, 40) + "..." : text;
  }
}
