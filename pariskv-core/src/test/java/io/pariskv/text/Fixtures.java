package io.pariskv.text;

import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.random.RandomGenerator;

/** Files and random texts for the tests of this package. */
final class Fixtures {
  static final Path BYTE_LEVEL = resource("/fixtures/tokenizer/byte-level.json");
  static final Path BYTE_FALLBACK = resource("/fixtures/tokenizer/byte-fallback.json");
  static final Path RECALL_MODEL = Path
      .of(Objects.requireNonNull(System.getProperty("project.root"), "-Dproject.root"))
      .resolve("models/recall-12m");
  static final Path RECALL = RECALL_MODEL.resolve("tokenizer.json");

  private static final List<String> SNIPPETS = List.of("hello world", " hello", "é", "e\u0301",
      "\uD83D\uDE00", "\uD83D\uDC68\u200D\uD83D\uDC69\u200D\uD83D\uDC67",
      "\uD83C\uDDE9\uD83C\uDDEA",
      "你", "नमस्ते", "\n\n", "  ", "\u0000", "\uFFFD", "▁", "<s>", "<|end|>", "<0xE4>", "'ll",
      "2340",
      "\uDBFF\uDFFD");

  private Fixtures() {
  }

  static List<Path> all() {
    return List.of(BYTE_LEVEL, BYTE_FALLBACK, RECALL);
  }

  static List<Path> recallPrompts() throws IOException {
    List<Path> files = new ArrayList<>();
    Path directory = Objects.requireNonNull(resource("/fixtures/recall/list-64.json").getParent());
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory, "*.json")) {
      stream.forEach(files::add);
    }
    return files;
  }

  /** Words, signs and scalar values of all planes. */
  static String randomText(RandomGenerator random, int parts) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < parts; i++) {
      switch (random.nextInt(4)) {
        case 0 -> text.append(SNIPPETS.get(random.nextInt(SNIPPETS.size())));
        case 1 -> text.append((char) ('a' + random.nextInt(26)));
        case 2 -> text.append((char) random.nextInt(0x800));
        default -> {
          int c = random.nextInt(Character.MAX_CODE_POINT + 1);
          text.appendCodePoint((c >= 0xD800 && c <= 0xDFFF) ? ' ' : c);
        }
      }
    }
    return text.toString();
  }

  static Path resource(String name) {
    URL url = Objects.requireNonNull(Fixtures.class.getResource(name), name);
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
