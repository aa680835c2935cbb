package io.pariskv.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerFileTest {
  /** More for a long run by hand: {@code -Dpariskv.fuzz=20000}. */
  private static final int MUTATIONS = Integer.getInteger("pariskv.fuzz", 600);

  @TempDir
  Path directory = Path.of("");

  @Test
  void missingFile_isNamed() {
    Path file = directory.resolve("tokenizer.json");
    InputException e = assertThrows(InputException.class, () -> Tokenizer.load(file));
    assertTrue(e.toString().contains(file + " does not exist"), e.toString());
    assertThrows(InputException.class, () -> Tokenizer.load(directory));
  }

  @Test
  void tooLargeFile_isRefusedBeforeItIsParsed() throws IOException {
    Path file = directory.resolve("tokenizer.json");
    try (var channel = java.nio.channels.FileChannel.open(file,
        java.nio.file.StandardOpenOption.CREATE,
        java.nio.file.StandardOpenOption.WRITE)) {
      channel.write(java.nio.ByteBuffer.wrap(new byte[]{' '}), 1L << 33);
    }
    assertThrows(InputException.class, () -> Tokenizer.load(file));
  }

  @Test
  void manyValues_areRefusedBeforeTheyFillTheMemory() throws IOException {
    assertRefused("{\"a\": [" + "[],".repeat(9_000_000) + "0]}", "JSON");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "null", "[]", "{", "{}", "{\"model\": 3}", "{\"model\": {}}",
      "{\"model\": {\"type\": \"Unigram\"}}", "{\"model\": {\"vocab\": {}, \"merges\": []}}",
      "{\"model\": {\"vocab\": {\"a\": -1}, \"merges\": []}}",
      "{\"model\": {\"vocab\": {\"a\": 4294967295}, \"merges\": []}}",
      "{\"model\": {\"vocab\": {\"a\": 0, \"b\": 0}, \"merges\": []}}",
      "{\"model\": {\"vocab\": {\"a\": 0, \"a\": 1}, \"merges\": []}}",
      "{\"model\": {\"vocab\": {\"\\ud800\": 0}, \"merges\": []}}",
      "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [\"a b\"]}}",
      "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [[\"a\"]]}}",
      "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [], \"unk_token\": \"b\"}}",
      "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [], \"dropout\": 0.1}}",
      "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [], \"continuing_subword_prefix\": \"##\"}}"})
  void unusableDocument_isRefusedInOneLine(String text) throws IOException {
    assertRefused(text, "tokenizer.json");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      // what the native library would end the process or run without end for
      "pre_tokenizer | {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(a+)+$\"}, \"behavior\": \"Isolated\", \"invert\": false} | pattern",
      "pre_tokenizer | {\"type\": \"Split\", \"pattern\": {\"String\": \"\"}, \"behavior\": \"Isolated\", \"invert\": false} | pattern",
      "pre_tokenizer | {\"type\": \"Split\", \"pattern\": {\"String\": \"a\"}, \"behavior\": \"No\", \"invert\": false} | not accepted",
      "pre_tokenizer | {\"type\": \"Bert\"} | supported are",
      "pre_tokenizer | {\"type\": \"Metaspace\", \"replacement\": \"\", \"prepend_scheme\": \"first\"} | one character",
      "normalizer | {\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}, \"content\": \"aaaa\"} | at most 1",
      "normalizer | {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"(a+)+$\"}, \"content\": \"\"} | pattern",
      "normalizer | {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAA\"} | supported are",
      "normalizer | {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Sequence\", \"normalizers\": []}]} | supported are",
      "post_processor | {\"type\": \"TemplateProcessing\", \"single\": [], \"pair\": [], \"special_tokens\": {}} | exactly once",
      "post_processor | {\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, {\"SpecialToken\": {\"id\": \"x\", \"type_id\": 0}}], \"pair\": [], \"special_tokens\": {}} | special_tokens",
      "post_processor | {\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}], \"pair\": [], \"special_tokens\": {\"x\": {\"id\": \"x\", \"ids\": [99999], \"tokens\": [\"x\"]}}} | below 269",
      "decoder | {\"type\": \"Strip\", \"content\": \" \", \"start\": 0, \"stop\": 3} | 0 to 0",
      "decoder | {\"type\": \"Strip\", \"content\": \"\", \"start\": 0, \"stop\": 0} | one character",
      "decoder | {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Fuse\"}, {\"type\": \"ByteFallback\"}]} | joined",
      "decoder | {\"type\": \"WordPiece\"} | supported are",
      "added_tokens | [{\"id\": 266, \"content\": \"\"}] | content",
      "added_tokens | [{\"id\": 268, \"content\": \"<x>\"}] | number this token 266",
      "added_tokens | [{\"id\": 266, \"content\": \"<x>\"}, {\"id\": 266, \"content\": \"<x>\"}] | not added before",
      "added_tokens | [{\"id\": 266, \"content\": \"<x>\", \"special\": \"yes\"}] | true or false"})
  void unusableComponent_isRefusedWithFieldAndExpectation(String field, String value, String part)
      throws IOException {
    String after = switch (field) {
      case "added_tokens" -> "normalizer";
      case "normalizer" -> "pre_tokenizer";
      case "pre_tokenizer" -> "post_processor";
      case "post_processor" -> "decoder";
      default -> "model";
    };
    String text = Files.readString(Fixtures.BYTE_LEVEL);
    int from = text.indexOf("\"" + field + "\":");
    int to = text.indexOf("\"" + after + "\":");
    assertTrue(from > 0 && to > from);
    assertRefused(
        text.substring(0, from) + "\"" + field + "\": " + value + ", " + text.substring(to),
        part);
  }

  @ParameterizedTest
  @ValueSource(strings = {"byte-level.json", "byte-fallback.json"})
  void mutatedFiles_loadOrAreRefused_andNothingElse(String name) throws IOException {
    byte[] original = Files.readAllBytes(Fixtures.resource("/fixtures/tokenizer/" + name));
    // The start has the structure; most of the rest is vocabulary.
    int structure = new String(original, StandardCharsets.ISO_8859_1).indexOf("\"vocab\"");
    long seed = 2340;
    Random random = new Random(seed);
    for (int i = 0; i < MUTATIONS; i++) {
      byte[] mutated = original;
      for (int n = 1 + random.nextInt(3); n > 0; n--) {
        mutated = mutate(mutated, random, random.nextInt(4) == 0 ? mutated.length : structure);
      }
      Path file = Files.write(directory.resolve("tokenizer.json"), mutated);
      try (Tokenizer tokenizer = Tokenizer.load(file)) {
        int[] ids = tokenizer.encodeWithSpecials("hello world <|end|> é\uD83D\uDE00   \n aaa</s>");
        tokenizer.decode(ids, false);
        tokenizer.encodePlain("<s> a <|end|>");
        tokenizer.decode(random.ints(20, 0, tokenizer.vocabularySize()).toArray(), true);
      } catch (InputException e) {
        assertEquals(1, e.toString().lines().count(), e.toString());
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed + ", mutation " + i, e);
      }
    }
  }

  private static byte[] mutate(byte[] bytes, Random random, int limit) {
    List<String> values = List.of("null", "{}", "[]", "\"\"", "-1", "0", "1e999", "4294967296",
        "\"Fuse\"", "\"ByteLevel\"", "\"Sequence\"", "\"\\ud800\"", "true", "[[[[", ",", "}", "]",
        "\"stop\":9", "\"Regex\":\"(a*)*b\"", "\"\\u0000\"", "\"ids\":[4000000000]");
    int at = random.nextInt(Math.min(limit, bytes.length));
    int end = Math.min(bytes.length, at + 1 + random.nextInt(20));
    byte[] middle = switch (random.nextInt(5)) {
      case 0 -> new byte[0];
      case 1 -> new byte[]{(byte) random.nextInt(256)};
      case 2 -> Arrays.copyOfRange(bytes, random.nextInt(at + 1), at);
      default -> values.get(random.nextInt(values.size())).getBytes(StandardCharsets.UTF_8);
    };
    if (random.nextBoolean()) {
      // Replace a whole value, so that the document often stays well-formed.
      while (at > 0 && bytes[at - 1] != ':' && bytes[at - 1] != ',') {
        at--;
      }
      end = at;
      while (end < bytes.length && ",}]".indexOf(bytes[end]) < 0) {
        end++;
      }
    }
    byte[] mutated = Arrays.copyOf(bytes, at + middle.length + bytes.length - end);
    System.arraycopy(middle, 0, mutated, at, middle.length);
    System.arraycopy(bytes, end, mutated, at + middle.length, bytes.length - end);
    return mutated.length == 0 ? bytes : mutated;
  }

  private void assertRefused(String text, String part) throws IOException {
    Path file = Files.writeString(directory.resolve("tokenizer.json"), text);
    InputException e = assertThrows(InputException.class, () -> Tokenizer.load(file).close());
    String message = e.toString();
    assertTrue(message.contains(file.toString()) && message.contains(part), message);
    assertEquals(1, message.lines().count(), message);
  }
}
