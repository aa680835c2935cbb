package io.pariskv.model.file;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * JSON of unknown origin: size, depth, number of values and length of numbers are limited, duplicate keys
 * are refused, and every failure is one line that names the file.
 */
final class JsonFile {
  /** Limit of {@code config.json} and the other small files, in bytes. */
  static final long MAX_CONFIG_BYTES = 16L << 20;
  /** Limit of {@code model.safetensors.index.json}, in bytes. */
  static final long MAX_INDEX_BYTES = 64L << 20;

  private static final int MAX_DEPTH = 64;
  private static final int MAX_NUMBER_DIGITS = 400;
  private static final int MAX_NAME_CHARACTERS = 4_096;
  /** A parsed value takes some 50 bytes however short its text, so the file's size alone is no bound on memory. */
  private static final long MAX_TREE_VALUES = 1_000_000;

  private static final JsonMapper TREES = new JsonMapper(factory(MAX_INDEX_BYTES, MAX_TREE_VALUES));

  private JsonFile() {
  }

  /** A parser factory with this project's limits. */
  static JsonFactory factory(long maxBytes, long maxValues) {
    return JsonFactory.builder()
        .streamReadConstraints(
            StreamReadConstraints.builder().maxDocumentLength(maxBytes).maxTokenCount(maxValues)
                .maxNestingDepth(MAX_DEPTH).maxNumberLength(MAX_NUMBER_DIGITS)
                .maxNameLength(MAX_NAME_CHARACTERS)
                .build())
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();
  }

  /**
   * Reads a whole file into a tree.
   *
   * @param maxBytes refused if the file is larger
   * @throws InputException if it cannot be read, is not JSON within the limits, or is not an object
   */
  static ObjectNode read(Path file, long maxBytes) {
    InputFiles.check(file);
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(Math.toIntExact(maxBytes + 1));
    } catch (IOException e) {
      throw InputFiles.unreadable(file, e);
    }
    if (bytes.length == 0) {
      throw new InputException(
          file + ": is empty, expected a JSON object; download the model again");
    }
    if (bytes.length > maxBytes) {
      throw new InputException(file + ": has more than " + maxBytes
          + " bytes, the limit for this file; is it the right file?");
    }
    JsonNode root;
    try {
      root = TREES.readTree(bytes);
    } catch (JacksonException e) {
      throw malformed(file, e);
    }
    if (root instanceof ObjectNode object) {
      return object;
    }
    throw new InputException(file + ": is not a JSON object ({...}); download the model again");
  }

  /** What the parser said, as one line. */
  static InputException malformed(Path file, JacksonException e) {
    TokenStreamLocation at = e.getLocation();
    String where = at == null || at.getLineNr() < 1
        ? ""
        : ", line " + at.getLineNr() + " column " + at.getColumnNr();
    return new InputException(file + where + ": is not acceptable JSON: "
        + Shown.plain(String.valueOf(e.getOriginalMessage())) + "; download the model again", e);
  }
}
