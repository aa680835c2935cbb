package io.pariskv.backend.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The kernels of {@code src/main/cuda} as their sources declare them, so that a fake driver knows what
 * arguments each takes: a stage that launches with others fails without a GPU.
 */
final class KernelSources {
  static final Path FOLDER = Path.of("src", "main", "cuda");
  private static final Pattern COMMENT = Pattern.compile("//[^\n]*|/\\*.*?\\*/", Pattern.DOTALL);
  private static final Pattern ENTRY = Pattern.compile("extern\\s+\"C\"\\s+__global__\\s+void\\s+"
      + "(?:__launch_bounds__\\((?:[^()]|\\([^()]*\\))*\\)\\s+)?(\\w+)\\s*\\(([^)]*)\\)");
  private static final Pattern WIDE = Pattern.compile("\\*|int64_t|long|double");

  private KernelSources() {
  }

  /** All kernel files. */
  static List<Path> files() {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.filter(file -> file.toString().endsWith(".cu")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Each entry of one file with the bytes of its parameters. */
  static Map<String, int[]> entries(Path file) {
    try {
      Map<String, int[]> entries = new TreeMap<>();
      Matcher entry = ENTRY.matcher(COMMENT.matcher(Files.readString(file)).replaceAll(" "));
      while (entry.find()) {
        String parameters = entry.group(2).strip();
        entries.put(entry.group(1), parameters.isEmpty()
            ? new int[0]
            : Arrays.stream(parameters.split(",")).mapToInt(KernelSources::bytes).toArray());
      }
      return entries;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int bytes(String parameter) {
    return WIDE.matcher(parameter).find() ? 8 : 4;
  }
}
