package io.pariskv.eval.run;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/** Tells models apart without reading their weights. */
public final class ModelFingerprint {
  private ModelFingerprint() {
  }

  /**
   * SHA-256 of names and sizes of a model directory's safetensors files, and of the contents of its JSON and template files.
   *
   * @throws InputException if a file cannot be read
   */
  public static String of(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      List<Path> sorted = files.filter(Files::isRegularFile).sorted().toList();
      for (Path file : sorted) {
        String name = String.valueOf(file.getFileName());
        boolean weights = name.endsWith(".safetensors");
        if (weights || name.endsWith(".json") || name.endsWith(".jinja")) {
          digest.update((name + " " + Files.size(file) + "\n").getBytes(StandardCharsets.UTF_8));
          if (!weights) {
            digest.update(Files.readAllBytes(file));
          }
        }
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (IOException e) {
      throw new InputException(directory + ": cannot be read (" + IoReason.of(e) + ")", e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("a JDK without SHA-256", e);
    }
  }
}
