package io.pariskv.eval.run;

import io.pariskv.error.InputException;
import io.pariskv.eval.data.TaskData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Tells the data of one run from that of another, wherever they are. */
public final class DataFingerprint {
  /** Of no data. */
  private static final String NONE = "none";

  private DataFingerprint() {
  }

  /**
   * SHA-256 of a file, or of those files in a directory that tasks know: names, sizes and contents, above 1 GiB sampled as a
   * {@linkplain ModelFingerprint model's} are; {@code none} without a path, or where there is nothing yet.
   *
   * @throws InputException if a file cannot be read
   */
  public static String of(@Nullable Path data) {
    if (data == null || !Files.exists(data)) {
      return NONE; // its absence is said where it is needed
    }
    FileDigest digest = new FileDigest(FileDigest.WHOLE_BYTES);
    try {
      if (Files.isDirectory(data)) {
        for (String name : TaskData.FILES) {
          Path file = data.resolve(name);
          if (Files.isRegularFile(file)) {
            digest.add(file);
          }
        }
      } else if (Files.isRegularFile(data)) {
        digest.add(data);
      }
      return digest.hex();
    } catch (IOException e) {
      throw new InputException(data + ": cannot be read (" + IoReason.of(e) + "); check --data", e);
    }
  }
}
