package io.pariskv.chat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** JSON that a model wrote, or is to read, and the plain values that a template sees of it. */
public final class JsonValues {
  /** Numbers stay as they were written. */
  private static final JsonMapper MAPPER = JsonMapper
      .builder(JsonFactory.builder()
          // Names come from models: they must not fill tables that live on.
          .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
          .streamReadConstraints(StreamReadConstraints.builder()
              .maxNestingDepth(64)
              .maxNameLength(1024)
              .maxNumberLength(64)
              .maxStringLength(Integer.MAX_VALUE) // an answer's tokens are the limit
              .build())
          .build())
      .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
      .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
      .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
      .build();

  private JsonValues() {
  }

  /** What this text is, within bounds; null if it is not JSON. */
  public static @Nullable JsonNode read(String text) {
    try {
      JsonNode json = MAPPER.readTree(text);
      return json == null || json.isMissingNode() ? null : json;
    } catch (JacksonException e) {
      return null; // a caller that has to know why asks otherwise
    }
  }

  /** On one line. */
  static String text(JsonNode json) {
    return MAPPER.writeValueAsString(json);
  }

  /** A string, a boolean, a number, null, or a list or map of these. */
  public static @Nullable Object of(JsonNode node) {
    return switch (node.getNodeType()) {
      case OBJECT -> map(node);
      case ARRAY -> list(node);
      case STRING -> node.stringValue();
      case BOOLEAN -> node.booleanValue();
      case NUMBER -> node.numberValue();
      default -> null;
    };
  }

  /** An object's values by name, in its order. */
  public static Map<String, @Nullable Object> map(JsonNode object) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    object.properties().forEach(entry -> map.put(entry.getKey(), of(entry.getValue())));
    return map;
  }

  private static List<@Nullable Object> list(JsonNode array) {
    List<@Nullable Object> list = new ArrayList<>();
    array.values().forEach(item -> list.add(of(item)));
    return list;
  }
}
