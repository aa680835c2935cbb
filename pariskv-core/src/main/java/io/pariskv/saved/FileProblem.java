package io.pariskv.saved;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** What the operating system said of a cache file, as one line. */
final class FileProblem {
  private FileProblem() {
  }

  static InputException unreadable(Path file, IOException e) {
    return new InputException(file + ": cannot be read: " + reason(e) + "; check the path", e);
  }

  static InputException unwritable(Path file, IOException e) {
    return new InputException(file + ": cannot be written: " + reason(e)
        + "; nothing was changed; free some space, or give another place", e);
  }

  /** Those exceptions have only the file's name as their message. */
  private static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> "no such file or directory";
      case AccessDeniedException _ -> "permission denied";
      case FileSystemException problem when problem.getReason() != null -> problem.getReason();
      default -> String.valueOf(e.getMessage());
    };
  }
}
