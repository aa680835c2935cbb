package io.pariskv.engine;

import io.pariskv.saved.SavedCache;
import java.nio.file.Path;

/** What a request is for that asks for no answer. */
sealed interface CacheTask {
  /** To compute its prompt, and to write K and V to a file. */
  record Save(Path file) implements CacheTask {
  }

  /** To bring K and V from a file, whose tokens its prompt is. */
  record Load(SavedCache cache) implements CacheTask {
  }
}
