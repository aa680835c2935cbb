package io.pariskv.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pariskv.error.InputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TokenBytesTest {

  static List<Path> tokenizers() {
    return Fixtures.all();
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void bytesOfTokens_areTheDecodedText(Path file) {
    long seed = 11;
    Random random = new Random(seed);
    try (Tokenizer tokenizer = Tokenizer.load(file)) {
      for (int i = 0; i < 300; i++) {
        int[] ids = tokenizer.encode(Fixtures.randomText(random, 1 + random.nextInt(20)));
        assertEquals(tokenizer.decode(ids, true), joined(tokenizer, ids),
            "seed " + seed + ", text " + i);
      }
      for (int id = 0; id < tokenizer.vocabularySize(); id++) {
        int[] ids = {id};
        assertEquals(tokenizer.decode(ids, true), joined(tokenizer, ids), "token " + id);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("decoders")
  void bytesUnderOtherDecoders_areTheDecodedText(String decoder, @TempDir Path directory)
      throws IOException {
    long seed = 12;
    Random random = new Random(seed);
    try (Tokenizer tokenizer = Tokenizer.load(with(decoder, directory))) {
      for (int i = 0; i < 300; i++) {
        int[] ids = random.ints(1 + random.nextInt(8), 260, tokenizer.vocabularySize()).toArray();
        assertEquals(tokenizer.decode(ids, true), joined(tokenizer, ids),
            "seed " + seed + ", ids " + i);
      }
    }
  }

  static List<String> decoders() {
    return List.of("null", "{\"type\": \"Fuse\"}",
        "{\"type\": \"Metaspace\", \"replacement\": \"▁\", \"prepend_scheme\": \"first\", \"split\": false}",
        "{\"type\": \"Metaspace\", \"replacement\": \"▁\", \"prepend_scheme\": \"never\", \"split\": false}",
        "{\"type\": \"Strip\", \"content\": \"▁\", \"start\": 2, \"stop\": 0}");
  }

  @Test
  void decoderThatChangesTextOverTokens_isRefused(@TempDir Path directory) throws IOException {
    String decoder = "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"ByteFallback\"}, "
        + "{\"type\": \"Metaspace\", \"replacement\": \"▁\", \"split\": false}]}";
    try (Tokenizer tokenizer = Tokenizer.load(with(decoder, directory))) {
      assertThrows(InputException.class, () -> tokenizer.tokenBytes(260, false));
    }
  }

  @Test
  void specialTokens_haveNone() {
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.BYTE_LEVEL)) {
      int end = tokenizer.idOf("<|end|>").orElseThrow();
      int tool = tokenizer.idOf("<tool>").orElseThrow();
      assertArrayEquals(new byte[0], tokenizer.tokenBytes(end, false));
      assertEquals("<tool>",
          new String(tokenizer.tokenBytes(tool, false), StandardCharsets.UTF_8));
      assertThrows(IllegalArgumentException.class, () -> tokenizer.tokenBytes(-1, true));
    }
  }

  private static Path with(String decoder, Path directory) throws IOException {
    String text = Files.readString(Fixtures.BYTE_FALLBACK).replaceFirst(
        "(?s)\"decoder\": .*?\"model\"", "\"decoder\": " + decoder + ", \"model\"");
    return Files.writeString(directory.resolve("tokenizer.json"), text);
  }

  private static String joined(Tokenizer tokenizer, int[] ids) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    boolean first = true;
    for (int id : ids) {
      bytes.writeBytes(tokenizer.tokenBytes(id, first));
      first &= tokenizer.isSpecial(id);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
