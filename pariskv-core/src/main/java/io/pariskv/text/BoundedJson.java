package io.pariskv.text;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads small untrusted files whole, with limits on size, depth and the number of values. */
final class BoundedJson {
  private static final int MAX_DEPTH = 64;

  /** A tree costs up to about 60 bytes a value. The largest vocabularies known have 3 million. */
  private static final long MAX_VALUES = 8_000_000;

  static final JsonMapper MAPPER = JsonMapper
      .builder(
          JsonFactory.builder()
              // Vocabularies have hundreds of thousands of names, each used once: nothing to share.
              .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
              .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
              .streamReadConstraints(StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxTokenCount(MAX_VALUES)
                  .maxStringLength(16 << 20)
                  .maxNumberLength(64)
                  .build())
              .build())
      .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
      .build();

  private BoundedJson() {
  }

  /** The file's JSON object. */
  static JsonNode readObject(Path file, int maxBytes) {
    String text = readText(file, maxBytes);
    JsonNode root;
    try {
      root = MAPPER.readTree(text);
    } catch (JacksonException e) {
      throw new InputException(
          file + " is not valid JSON: " + e.getOriginalMessage() + at(e) + "; download it again",
          e);
    }
    if (!root.isObject()) {
      throw new InputException(
          file + " holds " + kind(root) + ", expected a JSON object; download it again");
    }
    return root;
  }

  /** The file's text, which must be UTF-8. */
  static String readText(Path file, int maxBytes) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(maxBytes + 1);
      if (bytes.length > maxBytes) {
        throw new InputException(
            file + " has more than " + maxBytes
                + " bytes, the most that is read; is it the right file?");
      }
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (NoSuchFileException e) {
      throw new InputException(
          file + " does not exist; a model directory needs it, download it with the model", e);
    } catch (CharacterCodingException e) {
      throw new InputException(file + " is not UTF-8 text; download it again", e);
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + e.getMessage() + "; check it", e);
    }
  }

  /** What a value is, for messages. */
  static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case MISSING -> "nothing";
      case ARRAY -> "an array of " + node.size();
      case OBJECT -> "an object";
      case STRING -> "a string";
      default -> abbreviate(node.toString());
    };
  }

  /** The start of a text, for messages that must stay one short line. */
  static String abbreviate(String text) {
    String line = text.replaceAll("\\p{Cntrl}", " ");
    return line.length() <= 60 ? line : line.substring(0, 60) + "...";
  }

  private static String at(JacksonException e) {
    return e.getLocation() == null
        ? ""
        : " (line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr()
            + ")";
  }
}
