package io.pariskv.server.http;

import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** JSON from strangers, read with bounds; and JSON to them. */
public final class Json {
  private static final int MAX_DEPTH = 64;
  private static final int MAX_NAME = 1024;
  private static final int MAX_NUMBER = 64;

  /** A prompt may be token ids, millions of them; a tree costs some 24 bytes each. */
  private static final long MAX_TOKENS = 4_000_000;

  private static final JsonMapper MAPPER = JsonMapper
      .builder(JsonFactory.builder()
          // Names come from strangers: they must not fill tables that live on.
          .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
          .streamReadConstraints(StreamReadConstraints.builder()
              .maxNestingDepth(MAX_DEPTH)
              .maxNameLength(MAX_NAME)
              .maxNumberLength(MAX_NUMBER)
              .maxTokenCount(MAX_TOKENS)
              .maxStringLength(Integer.MAX_VALUE) // the body's bytes are the limit
              .build())
          .build())
      .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
      .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
      .build();

  private Json() {
  }

  /** An empty object. */
  public static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  /** An empty array. */
  public static ArrayNode array() {
    return MAPPER.createArrayNode();
  }

  /** On one line; half a surrogate pair becomes a question mark. */
  public static byte[] bytes(JsonNode json) {
    return text(json).getBytes(StandardCharsets.UTF_8);
  }

  /** On one line. */
  public static String text(JsonNode json) {
    return MAPPER.writeValueAsString(json);
  }

  /**
   * The one JSON object that these bytes are.
   *
   * @throws ApiException if they are something else
   */
  static JsonNode readObject(byte[] bytes) {
    JsonNode root;
    try {
      root = MAPPER.readTree(new InputStreamReader(new ByteArrayInputStream(bytes),
          StandardCharsets.UTF_8.newDecoder())); // which takes no malformed text, as Jackson's own does
    } catch (JacksonException e) {
      throw ApiException.invalid(null, "invalid_json",
          "the body is not JSON that can be read: " + e.getOriginalMessage() + at(e));
    }
    if (root == null || !root.isObject()) {
      throw ApiException.invalid(null, "invalid_json",
          "the body holds " + (root == null ? "nothing" : kind(root))
              + ", expected one JSON object");
    }
    return root;
  }

  /** What a value is, for messages. */
  public static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case MISSING -> "nothing";
      case NULL -> "null";
      case ARRAY -> "an array of " + node.size();
      case OBJECT -> "an object";
      case STRING -> "\"" + shorten(node.stringValue()) + "\"";
      default -> shorten(node.toString());
    };
  }

  /** The start of a text, for messages. */
  public static String shorten(String text) {
    return text.length() <= 60 ? text : text.substring(0, 60) + "...";
  }

  private static String at(JacksonException e) {
    return e.getLocation() == null
        ? ""
        : " (line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr()
            + ")";
  }
}
