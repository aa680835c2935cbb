package io.pariskv.saved;

import io.pariskv.error.InputException;
import io.pariskv.kv.KvShape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The cache files of a directory that are of one model, by name. Their token ids are kept in memory, 4 bytes each, so that a
 * prompt that begins with those of a file is known without reading any. Files of other models may lie beside them.
 * Thread-safe.
 */
public final class SavedCaches {
  private static final String SUFFIX = ".pkv";
  /** No separators, and no dot at the begin: a name is never a path. */
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");

  private final Path directory;
  private final ModelIdentity model;
  private final KvShape shape;
  private final Map<String, SavedCache> known = new TreeMap<>();

  private SavedCaches(Path directory, ModelIdentity model, KvShape shape) {
    this.directory = directory;
    this.model = model;
    this.shape = shape;
  }

  /**
   * Looks at a directory, and removes what saves that were killed have left in it.
   *
   * @throws InputException if it is none, or cannot be read
   */
  public static SavedCaches open(Path directory, ModelIdentity model, KvShape shape) {
    if (!Files.isDirectory(directory)) {
      throw new InputException(directory + ": is not a directory; create it, or give another");
    }
    SavedCaches opened = new SavedCaches(directory, model, shape);
    for (Path part : opened.files(SUFFIX + PartFile.SUFFIX)) {
      try {
        PartFile.removeLeftover(part);
      } catch (InputException e) {
        // Somebody is writing it.
      } catch (IOException e) {
        throw FileProblem.unwritable(part, e);
      }
    }
    opened.all();
    return opened;
  }

  private List<Path> files(String suffix) {
    try (Stream<Path> all = Files.list(directory)) {
      return all.filter(file -> String.valueOf(file.getFileName()).endsWith(suffix)).sorted()
          .toList();
    } catch (IOException e) {
      throw FileProblem.unreadable(directory, e);
    }
  }

  /** Whether a file can have this name: letters, digits, dots, dashes and underscores, at most 100. */
  public static boolean isName(String name) {
    return NAME.matcher(name).matches();
  }

  /** What {@link #isName} takes, for messages. */
  public static String nameRule() {
    return "1 to 100 letters, digits, '.', '_' or '-', a letter or digit first";
  }

  /**
   * The place of a file.
   *
   * @throws InputException if it cannot have this name
   */
  public Path file(String name) {
    if (!isName(name)) {
      throw new InputException("the name of a cache must be " + nameRule());
    }
    return directory.resolve(name + SUFFIX);
  }

  /** Whether there is a file of that name, of whatever model. */
  public boolean isTaken(String name) {
    return Files.exists(file(name));
  }

  /** All files of the model, and those that nobody can read, as they are now; only changed ones are read. */
  public synchronized Collection<SavedCache> all() {
    Map<String, SavedCache> found = new TreeMap<>();
    for (Path file : files(SUFFIX)) {
      String fileName = String.valueOf(file.getFileName());
      String name = fileName.substring(0, fileName.length() - SUFFIX.length());
      SavedCache now = isName(name) ? look(name, file) : null;
      if (now != null) {
        found.put(name, now);
      }
    }
    known.clear();
    known.putAll(found);
    return found.values().stream().filter(this::isOurs).toList();
  }

  /** Null if it has gone in this moment. */
  private @Nullable SavedCache look(String name, Path file) {
    BasicFileAttributes now;
    try {
      now = Files.readAttributes(file, BasicFileAttributes.class);
    } catch (IOException e) {
      return null;
    }
    SavedCache before = known.get(name);
    if (before != null && before.bytes() == now.size()
        && before.changed().equals(now.lastModifiedTime())) {
      return before;
    }
    SavedCache unread = new SavedCache(name, file, now.size(), now.lastModifiedTime(), null,
        new int[0], null);
    try (CacheReader reader = CacheReader.open(file)) {
      return read(unread, reader);
    } catch (InputException e) {
      return unread.withProblem(String.valueOf(e.getMessage()));
    }
  }

  private SavedCache read(SavedCache unread, CacheReader reader) {
    CacheHeader header = reader.header();
    boolean ours = header.model().isSame(model);
    SavedCache read = new SavedCache(unread.name(), unread.file(), unread.bytes(),
        unread.changed(), header, ours ? reader.tokens() : new int[0], null);
    try {
      reader.requireFits(model, shape);
      return read;
    } catch (InputException e) {
      return read.withProblem(String.valueOf(e.getMessage()));
    }
  }

  private boolean isOurs(SavedCache cache) {
    CacheHeader header = cache.header();
    return header == null || header.model().isSame(model);
  }

  /** The file of that name as it is now, null if there is none of this model. */
  public synchronized @Nullable SavedCache find(String name) {
    return all().stream().filter(cache -> cache.name().equals(name)).findFirst().orElse(null);
  }

  /** The file that shares most with a prompt, null if none shares anything. Reads none. */
  public synchronized @Nullable SavedCache match(int[] prompt) {
    SavedCache best = null;
    int longest = 0;
    for (SavedCache cache : known.values()) {
      int shared = cache.problem() == null ? cache.commonPrefix(prompt) : 0;
      if (shared > longest) {
        best = cache;
        longest = shared;
      }
    }
    return best;
  }

  /** Takes note that a file cannot be used, until it is another one. */
  public synchronized void cannotUse(SavedCache cache, String why) {
    if (cache.equals(known.get(cache.name()))) {
      known.put(cache.name(), cache.withProblem(why));
    }
  }

  /**
   * Deletes a file.
   *
   * @return whether there was one of this model
   */
  public synchronized boolean delete(String name) {
    SavedCache cache = find(name);
    try {
      return cache != null && Files.deleteIfExists(cache.file());
    } catch (IOException e) {
      throw FileProblem.unwritable(directory, e);
    } finally {
      known.remove(name);
    }
  }
}
