package io.pariskv.saved;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A file that takes another's place once it is complete, and on the disk: whenever the process or the machine dies, there
 * is either what was there before or all of the new. Until then it lies beside it as {@code NAME.part}, locked, so that one
 * which nobody writes any more is known as such, and removed.
 */
final class PartFile implements AutoCloseable {
  static final String SUFFIX = ".part";

  private final Path target;
  private final Path part;
  private final FileChannel channel;
  private boolean committed;

  private PartFile(Path target, Path part, FileChannel channel) {
    this.target = target;
    this.part = part;
    this.channel = channel;
  }

  /**
   * Begins to write a file.
   *
   * @throws InputException if somebody else is writing it, or it cannot be written
   */
  static PartFile create(Path target) {
    requireReplaceable(target);
    Path part = target.resolveSibling(target.getFileName() + SUFFIX);
    try {
      removeLeftover(part);
      FileChannel channel = FileChannel.open(part, StandardOpenOption.CREATE_NEW,
          StandardOpenOption.WRITE);
      PartFile created = new PartFile(target, part, channel);
      if (channel.tryLock() == null) {
        created.close();
        throw busy(part);
      }
      return created;
    } catch (FileAlreadyExistsException e) {
      throw busy(part);
    } catch (IOException e) {
      throw FileProblem.unwritable(target, e);
    }
  }

  /**
   * Refuses a place whose file must not be replaced: a rename would put the new file where a device or a socket was, and
   * whoever uses it would miss it.
   *
   * @throws InputException if it is there and is no regular file
   */
  static void requireReplaceable(Path target) {
    if (Files.isDirectory(target)) {
      throw new InputException(target + ": is a directory, expected a file; give a file's name");
    }
    if (Files.exists(target) && !Files.isRegularFile(target)) {
      throw new InputException(
          target + ": is not a regular file, and would be replaced by one; give another name");
    }
  }

  private static InputException busy(Path part) {
    return new InputException(
        part + ": somebody else is writing this file; wait, or give another name");
  }

  /**
   * Removes what a process that died has left; nothing if there is none. It is never written to: it may be complete, and
   * take its place in this moment.
   *
   * @return whether there was one
   * @throws InputException if it is being written
   */
  static boolean removeLeftover(Path part) throws IOException {
    if (!Files.isRegularFile(part)) {
      return false;
    }
    try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      if (lock == null) {
        throw busy(part);
      }
      return Files.deleteIfExists(part);
    } catch (OverlappingFileLockException e) { // this process
      throw busy(part);
    }
  }

  FileChannel channel() {
    return channel;
  }

  /** Puts all of it on the disk, and in its place. */
  void commit() throws IOException {
    channel.force(true);
    Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    committed = true;
    channel.close();
    Path directory = target.toAbsolutePath().getParent();
    if (directory != null) {
      try (FileChannel entries = FileChannel.open(directory, StandardOpenOption.READ)) {
        entries.force(true); // else the new name may be lost with the power
      } catch (AccessDeniedException e) {
        // Windows opens no directories.
      }
    }
  }

  /** Removes it, unless it is in its place. */
  @Override
  public void close() throws IOException {
    channel.close();
    if (!committed) {
      Files.deleteIfExists(part);
    }
  }
}
