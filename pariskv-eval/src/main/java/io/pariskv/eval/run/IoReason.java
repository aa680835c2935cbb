package io.pariskv.eval.run;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** Why a file cannot be used, for a person: those exceptions have only the file's name as their message. */
public final class IoReason {
  private IoReason() {
  }

  /** The reason in a few words. */
  public static String of(IOException problem) {
    return switch (problem) {
      case NoSuchFileException _ -> "no such file";
      case AccessDeniedException _ -> "permission denied";
      case FileAlreadyExistsException _ -> "a file is in the way";
      case NotDirectoryException _ -> "not a directory";
      default -> String.valueOf(problem.getMessage());
    };
  }
}
