package io.pariskv.eval.run;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Tells models apart. */
public final class ModelFingerprint {
  private static final List<String> ENDINGS = List.of(".safetensors", ".json", ".jinja");

  private ModelFingerprint() {
  }

  /**
   * SHA-256 of a model directory's safetensors, JSON and template files: names, sizes and contents. Files above 1 GiB, as the
   * weights of large models are, are sampled, 4 KiB of each MiB: training or merging changes numbers everywhere, so
   * another model is found by them; a few numbers that somebody changed by hand are not.
   *
   * @throws InputException if a file cannot be read
   */
  public static String of(Path directory) {
    return of(directory, FileDigest.WHOLE_BYTES);
  }

  /** @param wholeBytes most bytes of a file that is not sampled */
  static String of(Path directory, long wholeBytes) {
    try (Stream<Path> files = Files.list(directory)) {
      FileDigest digest = new FileDigest(wholeBytes);
      for (Path file : files.filter(Files::isRegularFile).filter(ModelFingerprint::counts).sorted()
          .toList()) {
        digest.add(file);
      }
      return digest.hex();
    } catch (IOException e) {
      throw new InputException(directory + ": cannot be read (" + IoReason.of(e) + ")", e);
    }
  }

  private static boolean counts(Path file) {
    return ENDINGS.stream().anyMatch(String.valueOf(file.getFileName())::endsWith);
  }
}
