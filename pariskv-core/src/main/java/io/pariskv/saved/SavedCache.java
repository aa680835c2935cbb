package io.pariskv.saved;

import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A file of {@link SavedCaches}, as it was when it was last looked at.
 *
 * @param name without the directory and the suffix
 * @param file where it is
 * @param bytes its size
 * @param changed when it was written
 * @param header what it says of itself, null if it cannot be read
 * @param tokens its token ids, which nobody changes
 * @param problem why it cannot be used, null if it can
 */
@SuppressWarnings("ArrayRecordComponent") // compared by identity only
public record SavedCache(String name, Path file, long bytes, FileTime changed,
    @Nullable CacheHeader header, int[] tokens, @Nullable String problem) {

  /** How many tokens it and a prompt both begin with. */
  public int commonPrefix(int[] prompt) {
    int mismatch = Arrays.mismatch(tokens, prompt);
    return mismatch < 0 ? tokens.length : mismatch;
  }

  SavedCache withProblem(String why) {
    return new SavedCache(name, file, bytes, changed, header, tokens, why);
  }
}
