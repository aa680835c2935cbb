package io.pariskv.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TokenDecoderTest {

  static List<Path> tokenizers() {
    return Fixtures.all();
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void piecesOfEncodedText_areTheDecodedWhole(Path file) {
    long seed = 5;
    Random random = new Random(seed);
    try (Tokenizer tokenizer = Tokenizer.load(file)) {
      for (int i = 0; i < 300; i++) {
        int[] ids = tokenizer.encode(Fixtures.randomText(random, 1 + random.nextInt(40)));
        assertStreamsAsDecoded(tokenizer, ids, "seed " + seed + ", text " + i);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void piecesOfAnyIds_areTheDecodedWhole(Path file) {
    long seed = 6;
    Random random = new Random(seed);
    try (Tokenizer tokenizer = Tokenizer.load(file)) {
      for (int i = 0; i < 2000; i++) {
        int bound = random.nextBoolean() ? tokenizer.vocabularySize() : 260;
        int[] ids = random.ints(1 + random.nextInt(12), 0, bound).toArray();
        assertStreamsAsDecoded(tokenizer, ids, "seed " + seed + ", ids " + i);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void piecesOfNearlyValidBytes_areTheDecodedWhole(Path file) {
    long seed = 7;
    Random random = new Random(seed);
    int[] edges = {0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xED,
        0xEF,
        0xF0, 0xF4, 0xF5, 0xFF};
    try (Tokenizer tokenizer = Tokenizer.load(file)) {
      for (int i = 0; i < 4000; i++) {
        int[] ids = random.ints(1 + random.nextInt(6), 0, edges.length)
            .map(e -> byteToken(tokenizer, edges[e])).toArray();
        assertStreamsAsDecoded(tokenizer, ids, "seed " + seed + ", bytes " + i);
      }
    }
  }

  @Test
  void characterOverFourTokens_comesWithTheLast() {
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.RECALL)) {
      TokenDecoder decoder = tokenizer.decoder(false);
      int[] ids = tokenizer.encode("\uD83D\uDE00");
      assertEquals("", decoder.push(ids[0]) + decoder.push(ids[1]) + decoder.push(ids[2]));
      assertEquals("\uD83D\uDE00", decoder.push(ids[3]));
      assertEquals("", decoder.push(ids[0]));
      assertEquals("\uFFFD", decoder.finish());
      assertThrows(IllegalStateException.class, decoder::finish);
      assertThrows(IllegalStateException.class, () -> decoder.push(1));
    }
  }

  @Test
  void leadingSpaceMark_isStrippedOnceAtTheStartOnly() {
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.BYTE_FALLBACK)) {
      int hello = tokenizer.idOf("▁hello").orElseThrow();
      TokenDecoder decoder = tokenizer.decoder(true);
      assertEquals("", decoder.push(1));
      assertEquals("hello", decoder.push(hello));
      assertEquals(" hello", decoder.push(hello));
      assertEquals("", decoder.push(3 + 0xC3) + decoder.push(3 + 0xA9));
      assertEquals("é hello", decoder.push(hello));
      assertEquals("", decoder.finish());
    }
  }

  @ParameterizedTest
  @MethodSource("decoders")
  void otherDecoders_streamAsDecoded(String decoder, @TempDir Path directory) throws IOException {
    String text = Files.readString(Fixtures.BYTE_FALLBACK).replaceFirst(
        "(?s)\"decoder\": .*?\"model\"", "\"decoder\": " + decoder + ", \"model\"");
    Path file = Files.writeString(directory.resolve("tokenizer.json"), text);
    long seed = 8;
    Random random = new Random(seed);
    try (Tokenizer tokenizer = Tokenizer.load(file)) {
      for (int i = 0; i < 500; i++) {
        int from = random.nextBoolean() ? 0 : 250;
        int[] ids = random.ints(1 + random.nextInt(10), from, tokenizer.vocabularySize()).toArray();
        assertStreamsAsDecoded(tokenizer, ids, decoder + ", seed " + seed + ", ids " + i);
      }
    }
  }

  static List<String> decoders() {
    return List.of("null",
        "{\"type\": \"Metaspace\", \"replacement\": \"▁\", \"prepend_scheme\": \"first\", \"split\": false}",
        "{\"type\": \"Metaspace\", \"replacement\": \"▁\", \"prepend_scheme\": \"never\", \"split\": false}",
        "{\"type\": \"Metaspace\", \"replacement\": \"▁\", \"add_prefix_space\": true}",
        "{\"type\": \"Fuse\"}", "{\"type\": \"ByteFallback\"}",
        "{\"type\": \"Strip\", \"content\": \"▁\", \"start\": 2, \"stop\": 0}",
        "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"ByteFallback\"}, "
            + "{\"type\": \"Metaspace\", \"replacement\": \"▁\", \"prepend_scheme\": \"always\", \"split\": true}]}",
        "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Fuse\"}, "
            + "{\"type\": \"Strip\", \"content\": \"▁\", \"start\": 3, \"stop\": 0}, "
            + "{\"type\": \"Strip\", \"content\": \"h\", \"start\": 1, \"stop\": 0}]}",
        "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": {\"String\": \"ll\"}, "
            + "\"content\": \"\"}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
            + "\"trim_offsets\": false, \"use_regex\": false}]}");
  }

  /** The native library's decoding of all ids at once is the oracle. */
  private static void assertStreamsAsDecoded(Tokenizer tokenizer, int[] ids, String message) {
    for (boolean skipSpecial : new boolean[]{false, true}) {
      String whole = tokenizer.decode(ids, skipSpecial);
      TokenDecoder decoder = tokenizer.decoder(skipSpecial);
      StringBuilder pieces = new StringBuilder();
      for (int id : ids) {
        String piece = decoder.push(id);
        assertFalse(Surrogates.hasLone(piece), message);
        pieces.append(piece);
        assertEquals(whole.substring(0, Math.min(whole.length(), pieces.length())),
            pieces.toString(), message);
      }
      assertEquals(whole, pieces + decoder.finish(), message);
    }
  }

  private static int byteToken(Tokenizer tokenizer, int value) {
    return tokenizer.idOf(String.format("<0x%02X>", value)).orElse(value);
  }
}
