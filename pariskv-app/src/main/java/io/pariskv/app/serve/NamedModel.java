package io.pariskv.app.serve;

import io.pariskv.error.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A model directory, and the name that clients ask for.
 *
 * @param name the directory's own unless another was given
 * @param directory as Hugging Face writes it
 */
public record NamedModel(String name, Path directory) {

  /** Reads {@code DIR} or {@code NAME=DIR}; what is a directory as it stands has no name in it. */
  public static NamedModel parse(String text) {
    int equals = text.indexOf('=');
    if (equals < 0 || Files.isDirectory(Path.of(text))) {
      Path directory = Path.of(text);
      String own = Optional.ofNullable(directory.toAbsolutePath().normalize().getFileName())
          .map(Path::toString).orElse("model");
      return new NamedModel(own, directory);
    }
    if (equals == 0 || equals == text.length() - 1) {
      throw new InputException("--model '" + text + "' must be DIR or NAME=DIR");
    }
    return new NamedModel(text.substring(0, equals), Path.of(text.substring(equals + 1)));
  }
}
