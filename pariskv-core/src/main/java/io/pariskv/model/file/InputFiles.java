package io.pariskv.model.file;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;

/** The checks that every file of a model directory goes through before it is read. */
final class InputFiles {
  private static final byte[] LFS_POINTER = "version https://git-lfs"
      .getBytes(StandardCharsets.US_ASCII);

  private InputFiles() {
  }

  /**
   * Refuses what is not a readable regular file with its own contents.
   *
   * @throws InputException if it is missing, a directory, unreadable, or only a Git LFS pointer
   */
  static void check(Path file) {
    if (Files.isDirectory(file)) {
      throw new InputException(
          file + ": is a directory, expected a file; download the model again");
    }
    byte[] start;
    try {
      // A pipe or a device would block or never end, so only then is it opened.
      if (!Files.readAttributes(file, BasicFileAttributes.class).isRegularFile()) {
        throw new InputException(
            file + ": is not a regular file, expected one; download the model again");
      }
      try (InputStream in = Files.newInputStream(file)) {
        start = in.readNBytes(LFS_POINTER.length);
      }
    } catch (IOException e) {
      throw unreadable(file, e);
    }
    if (Arrays.equals(start, LFS_POINTER)) {
      throw new InputException(file
          + ": is a Git LFS pointer, not the file itself; run \"git lfs pull\" in its directory");
    }
  }

  /** What the operating system said, as one line. */
  static InputException unreadable(Path file, IOException e) {
    return switch (e) {
      case NoSuchFileException missing ->
        new InputException(file + ": no such file; download the model again", e);
      case AccessDeniedException denied -> new InputException(file
          + ": cannot be read, permission denied; change its permissions", e);
      default -> new InputException(
          file + ": cannot be read: " + Shown.plain(String.valueOf(e.getMessage()))
              + "; check the file and its disk",
          e);
    };
  }
}
