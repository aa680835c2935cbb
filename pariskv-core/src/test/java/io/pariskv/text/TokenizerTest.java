package io.pariskv.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class TokenizerTest {

  static java.util.List<Path> prompts() throws IOException {
    return Fixtures.recallPrompts();
  }

  static java.util.List<Path> tokenizers() {
    return Fixtures.all();
  }

  @ParameterizedTest
  @MethodSource("prompts")
  void recordedPrompt_hasTheRecordedTokensAndAnswer(Path file) {
    JsonNode recorded = BoundedJson.readObject(file, 1 << 24);
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.RECALL)) {
      String prompt = "<|im_start|>user\n " + recorded.path("user").stringValue().strip()
          + "<|im_end|>\n<|im_start|>assistant\n";
      assertEquals(recorded.path("prompt_tokens").intValue(), tokenizer.encode(prompt).length);
      int[] answer = recorded.path("full_attention_greedy_ids").valueStream()
          .mapToInt(JsonNode::intValue).toArray();
      String text = recorded.path("full_attention_text").stringValue();
      assertEquals(text, tokenizer.decode(answer, false));
      assertArrayEquals(answer, tokenizer.encode(text));
    }
  }

  @Test
  void encode_knownText_givesTheIdsWorkedOutByHand() {
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.BYTE_LEVEL)) {
      // merges count up from 256: he ll hell hello " w" or " wor" é; then <|begin|> <|end|> <tool>
      assertArrayEquals(new int[]{259, 262, 'l', 'd', 263, 267},
          tokenizer.encode("hello worldé<|end|>"));
      assertArrayEquals(new int[]{266, 259}, tokenizer.encodeWithSpecials("hello"));
      assertEquals(269, tokenizer.vocabularySize());
    }
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.BYTE_FALLBACK)) {
      // 3 + byte; then 259 is the space mark, 260 is a
      int hello = tokenizer.idOf("▁hello").orElseThrow();
      assertArrayEquals(new int[]{hello, 3 + 0xF0, 3 + 0x9F, 3 + 0x98, 3 + 0x80},
          tokenizer.encode("hello\uD83D\uDE00"));
      assertArrayEquals(new int[]{1, hello}, tokenizer.encodeWithSpecials("hello"));
    }
  }

  @Test
  void encode_fileWithTruncationAndPadding_doesNeither() {
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.BYTE_LEVEL)) {
      assertEquals(1, tokenizer.encode("hello").length);
      assertEquals(1000, tokenizer.encode("hello".repeat(1000)).length);
      assertEquals(0, tokenizer.encode("").length);
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void encodePlain_specialTokensInText_areOrdinaryText(Path file) {
    try (Tokenizer tokenizer = Tokenizer.load(file)) {
      for (int id = 0; id < tokenizer.vocabularySize(); id++) {
        String token = tokenizer.tokenText(id);
        if (tokenizer.isSpecial(id) && token != null) {
          assertArrayEquals(new int[]{id}, tokenizer.encode(token));
          int[] plain = tokenizer.encodePlain(token);
          assertTrue(IntStream.of(plain).noneMatch(tokenizer::isSpecial) || token.equals("<unk>"),
              token);
          assertEquals(token, tokenizer.decode(plain, true));
        }
      }
      assertArrayEquals(tokenizer.encode("hello world"), tokenizer.encodePlain("hello world"));
    }
  }

  @Test
  void encodePlain_addedTokenThatIsNotSpecial_keepsItsId() {
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.BYTE_LEVEL)) {
      assertArrayEquals(new int[]{268}, tokenizer.encodePlain("<tool>"));
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void decode_ofEncode_givesTheTextBack(Path file) {
    long seed = 11;
    Random random = new Random(seed);
    try (Tokenizer tokenizer = Tokenizer.load(file)) {
      for (int i = 0; i < 200; i++) {
        String text = java.text.Normalizer
            .normalize(Fixtures.randomText(random, 1 + random.nextInt(40)),
                java.text.Normalizer.Form.NFC);
        if (file.equals(Fixtures.BYTE_FALLBACK)) {
          // Its space mark is put before the text only if that does not begin with a space.
          text = "x" + text.replace("▁", "").replace("<0xE4>", "").replace("<s>", "");
        }
        if (file.equals(Fixtures.BYTE_LEVEL)) {
          // Java and the native library may know different versions of Unicode.
          text = text.codePoints().filter(c -> c < 0x800 || (c >= 0x1F000 && c < 0x1FB00))
              .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
              .toString();
        }
        String message = file.getFileName() + ", seed " + seed + ", text " + i;
        assertEquals(text, tokenizer.decode(tokenizer.encode(text), false), message);
      }
    }
  }

  @Test
  void decode_skipSpecial_leavesThemOut() {
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.RECALL)) {
      int[] ids = tokenizer.encode("<|im_start|>hello<|im_end|>");
      assertEquals("hello", tokenizer.decode(ids, true));
      assertEquals("<|im_start|>hello<|im_end|>", tokenizer.decode(ids, false));
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void everyToken_hasTheTextTheNativeLibraryGivesIt(Path file) {
    try (Tokenizer tokenizer = Tokenizer.load(file)) {
      for (int id = 0; id < tokenizer.vocabularySize(); id++) {
        String text = tokenizer.tokenText(id);
        assertNotNull(text);
        assertEquals(OptionalInt.of(id), tokenizer.idOf(text));
        TokenDecoder decoder = tokenizer.decoder(false);
        assertEquals(tokenizer.decode(new int[]{id}, false), decoder.push(id) + decoder.finish());
      }
      assertEquals(OptionalInt.empty(), tokenizer.idOf("no such token"));
    }
  }

  @Test
  void idOutOfRange_isRefusedWithTheRange() {
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.RECALL)) {
      assertEquals(2345, tokenizer.vocabularySize());
      for (int id : new int[]{-1, 2345, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class,
            () -> tokenizer.decode(new int[]{1, id}, false));
        assertEquals("token id " + id + ", expected 0 to 2344", e.getMessage());
        assertThrows(IllegalArgumentException.class, () -> tokenizer.tokenText(id));
        assertThrows(IllegalArgumentException.class, () -> tokenizer.isSpecial(id));
        assertThrows(IllegalArgumentException.class, () -> tokenizer.decoder(true).push(id));
      }
    }
  }

  @Test
  void loneSurrogate_isEncodedAsReplacement_andTheRestIsUntouched() {
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.RECALL)) {
      for (String lone : new String[]{"\uD83D", "\uDE00", "\uDE00\uD83D", "\uD83D\uD83D"}) {
        String text = "a\uD83D\uDE00" + lone + "z\uD83D\uDE00";
        String expected = text.replace(lone + "z", "\uFFFD".repeat(lone.length()) + "z");
        assertEquals(expected, tokenizer.decode(tokenizer.encode(text), false));
      }
    }
  }

  @Test
  void longTextAndLongRun_areRefusedBeforeTheNativeLibraryGivesUp() {
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.BYTE_LEVEL)) {
      for (String c : new String[]{" ", "\u3000", "a", "!"}) {
        String tooLong = "x ".repeat(3) + c.repeat(Tokenizer.MAX_RUN_LENGTH + 2);
        InputException e = assertThrows(InputException.class, () -> tokenizer.encode(tooLong));
        assertTrue(e.toString().contains("" + Tokenizer.MAX_RUN_LENGTH), e.getMessage());
      }
      String tooLong = "ab ".repeat(Tokenizer.MAX_TEXT_LENGTH / 3 + 1);
      assertThrows(InputException.class, () -> tokenizer.encode(tooLong));
      // The longest run of the worst kind goes through.
      assertEquals(1 << 20, tokenizer.encode(" ".repeat(1 << 20)).length);
    }
  }

  @Test
  void closed_refusesUse_andClosesTwice() {
    Tokenizer tokenizer = Tokenizer.load(Fixtures.BYTE_LEVEL);
    tokenizer.encodePlain("a");
    tokenizer.close();
    tokenizer.close();
    assertThrows(IllegalStateException.class, () -> tokenizer.encode("a"));
    assertThrows(IllegalStateException.class, () -> tokenizer.encodePlain("a"));
    assertThrows(IllegalStateException.class, () -> tokenizer.decode(new int[]{1}, false));
  }

  @Test
  void manyThreads_getTheSameIds_whileOneCloses() throws InterruptedException {
    Tokenizer tokenizer = Tokenizer.load(Fixtures.RECALL);
    String text = "The secret number is 2340 . ".repeat(50);
    int[] expected = tokenizer.encode(text);
    Thread[] threads = new Thread[4];
    boolean[] same = new boolean[threads.length];
    for (int t = 0; t < threads.length; t++) {
      int index = t;
      threads[t] = Thread.ofVirtual().start(() -> {
        same[index] = true;
        try {
          for (int i = 0; i < 100; i++) {
            same[index] &= java.util.Arrays.equals(expected, tokenizer.encode(text));
          }
        } catch (IllegalStateException e) {
          assertEquals("the tokenizer is closed", e.getMessage());
        }
      });
    }
    threads[0].join();
    tokenizer.close();
    for (Thread thread : threads) {
      thread.join();
    }
    for (boolean b : same) {
      assertTrue(b);
    }
  }

  @Test
  void gapInTheIds_isATokenWithoutText(@TempDir Path directory) throws IOException {
    String text = Files.readString(Fixtures.BYTE_LEVEL)
        .replaceFirst("(?s)\"added_tokens\": \\[.*?\\],\\s*\"normalizer\"", "\"normalizer\"")
        .replaceFirst("(?s)\"post_processor\": .*?\"decoder\"", "\"decoder\"")
        .replace("\": 265", "\": 300");
    Path file = Files.writeString(directory.resolve("tokenizer.json"), text);
    try (Tokenizer tokenizer = Tokenizer.load(file)) {
      assertEquals(301, tokenizer.vocabularySize());
      assertNull(tokenizer.tokenText(280));
      assertFalse(tokenizer.isSpecial(280));
      assertEquals("ab", tokenizer.decode(new int[]{'a', 280, 'b'}, false));
      assertEquals("", tokenizer.decoder(false).push(280));
      assertNotEquals(0, tokenizer.encode("hello").length);
    }
  }
}
