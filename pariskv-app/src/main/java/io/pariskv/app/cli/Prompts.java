package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads prompts and lists of token ids. */
final class Prompts {
  /** More text than any context holds. */
  private static final long MAX_BYTES = 256L << 20;

  private Prompts() {
  }

  /** The text of a file. */
  static String read(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return read(in, file.toString());
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getClass().getSimpleName()
          + "); check the path and its permissions", e);
    }
  }

  /** All text of a stream. */
  static String read(InputStream in, String name) {
    try {
      byte[] bytes = in.readNBytes((int) MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new InputException(name + ": longer than " + MAX_BYTES + " bytes; split the text");
      }
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new InputException(name + ": is not UTF-8 text; convert it", e);
    } catch (IOException e) {
      throw new InputException(name + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  /** Comma-separated ids. */
  static int[] ids(String text, String name) {
    String[] parts = text.strip().split("\\s*,\\s*", -1);
    int[] ids = new int[parts.length];
    for (int i = 0; i < parts.length; i++) {
      try {
        ids[i] = Integer.parseInt(parts[i].strip());
      } catch (NumberFormatException e) {
        throw new InputException(
            name + ": entry " + (i + 1) + " of " + parts.length + " is '" + abbreviate(parts[i])
                + "', not a token id; give comma-separated whole numbers",
            e);
      }
    }
    return ids;
  }

  private static String abbreviate(String text) {
    return text.length() > 40 ? text.substring(0, 40) + "..." : text;
  }
}
