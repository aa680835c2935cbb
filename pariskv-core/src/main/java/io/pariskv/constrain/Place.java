package io.pariskv.constrain;

import io.pariskv.error.InputException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * One schema within a whole one, read field by field.
 *
 * @param schema the schema
 * @param at where it is, as a JSON pointer
 */
record Place(JsonNode schema, String at) {
  /** Schemas or values within each other. */
  static final int MAX_DEPTH = 64;

  /** Keywords that say nothing about which values are valid. */
  private static final Set<String> ANNOTATIONS = Set.of("title", "description", "default",
      "examples", "example", "$schema", "$comment", "deprecated", "readOnly", "writeOnly",
      "format", "contentEncoding", "contentMediaType", "discriminator", "$defs", "definitions",
      "$id");

  static final List<String> COMBINING = List.of("$ref", "enum", "const", "anyOf", "oneOf",
      "allOf");

  private static final Set<String> ASSERTIONS = Set.of("type", "properties", "required",
      "additionalProperties", "items", "prefixItems", "minItems", "maxItems", "minLength",
      "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum");

  /** @throws InputException if the schema is neither an object nor a boolean, or has keywords that are not supported */
  Place {
    if (!schema.isBoolean() && !schema.isObject()) {
      throw new InputException(where(at) + " is " + kind(schema)
          + ", expected a schema: an object, true or false");
    }
    for (String keyword : schema.propertyNames()) {
      if (!known(keyword, schema)) {
        throw new InputException(where(at) + " has \"" + shortened(keyword) + "\", "
            + insteadOf(keyword));
      }
    }
    if (schema.has("$id") && !at.isEmpty()) {
      throw new InputException(
          where(at) + " has an \"$id\" of its own, which changes what references"
              + " mean; leave it out");
    }
  }

  private static boolean known(String keyword, JsonNode schema) {
    return ANNOTATIONS.contains(keyword) || COMBINING.contains(keyword)
        || ASSERTIONS.contains(keyword)
        || (keyword.equals("uniqueItems") && schema.get(keyword).isBoolean()
            && !schema.get(keyword).booleanValue());
  }

  private static String insteadOf(String keyword) {
    return switch (keyword) {
      case "pattern", "patternProperties", "propertyNames" ->
        "which is not supported; leave it out, or list the values in an enum";
      case "nullable" -> "which is no keyword of JSON Schema; use \"type\": [..., \"null\"]";
      case "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies",
          "unevaluatedProperties", "unevaluatedItems" ->
        "which is not supported; list the alternatives in anyOf";
      case "uniqueItems", "multipleOf", "contains", "minContains", "maxContains", "minProperties",
          "maxProperties" ->
        "which is not supported; leave it out and check answers for it";
      default -> "which is not known; leave it out";
    };
  }

  /** Whether the schema has that keyword. */
  boolean has(String keyword) {
    return schema.has(keyword);
  }

  JsonNode get(String keyword) {
    return schema.path(keyword);
  }

  /** The schema under a keyword. */
  Place child(String keyword) {
    return new Place(schema.path(keyword), at + "/" + escaped(keyword));
  }

  /** A schema in the object or array under a keyword. */
  Place child(String keyword, String name) {
    return new Place(schema.path(keyword).path(name),
        at + "/" + keyword + "/" + escaped(name));
  }

  Place child(String keyword, int index) {
    return new Place(schema.path(keyword).path(index), at + "/" + keyword + "/" + index);
  }

  /** The keywords that say which values are valid. */
  Set<String> assertions() {
    Set<String> assertions = new HashSet<>(schema.propertyNames());
    assertions.removeAll(ANNOTATIONS);
    assertions.remove("uniqueItems");
    return assertions;
  }

  /** The value under a keyword, checked. */
  JsonNode checked(String keyword, String expected, Predicate<JsonNode> check) {
    JsonNode value = schema.path(keyword);
    if (!check.test(value)) {
      throw refusal(keyword, "is " + kind(value) + ", expected " + expected);
    }
    return value;
  }

  /** An array under a keyword that has at least so many elements. */
  JsonNode array(String keyword, int least) {
    return checked(keyword, "an array" + (least > 0 ? " of at least " + least : ""),
        value -> value.isArray() && value.size() >= least);
  }

  /** The values that {@code enum} or {@code const} lists, whichever of them the keyword is. */
  List<JsonNode> values(String keyword) {
    List<JsonNode> values = keyword.equals("const")
        ? List.of(get(keyword))
        : List.copyOf(array(keyword, 0).values());
    values.forEach(value -> requireWritable(keyword, value, 0));
    return values;
  }

  private void requireWritable(String keyword, JsonNode value, int depth) {
    if (depth > MAX_DEPTH) {
      throw refusal(keyword, "has a value of more than " + MAX_DEPTH + " levels; use a schema");
    }
    if (value.isNumber() && !Numbers.isFinite(value)) {
      throw refusal(keyword, "has a number that is too large for a double; use a smaller one");
    }
    if (value.isString()) {
      unicode(keyword, value.stringValue());
    }
    value.properties().forEach(member -> unicode(keyword, member.getKey()));
    value.forEach(part -> requireWritable(keyword, part, depth + 1));
  }

  /** That text, if it can be written in UTF-8. */
  String unicode(String keyword, String text) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw refusal(keyword,
          "has half of a surrogate pair in a text, which no answer can have; correct it");
    }
    return text;
  }

  /**
   * A count under a keyword.
   *
   * @param absent what it is if it is not there
   */
  int count(String keyword, int absent) {
    if (!has(keyword)) {
      return absent;
    }
    JsonNode value = checked(keyword, "a whole number of at least 0",
        node -> node.isNumber() && Numbers.isFinite(node)
            && Numbers.of(node).signum() >= 0 && Numbers.isWhole(Numbers.of(node)));
    BigDecimal count = Numbers.of(value);
    return count.compareTo(BigDecimal.valueOf(Integer.MAX_VALUE - 1)) > 0
        ? Integer.MAX_VALUE
        : count.intValueExact();
  }

  /** What is wrong at a keyword. */
  InputException refusal(@Nullable String keyword, String message) {
    return new InputException(
        where(keyword == null ? at : at + "/" + escaped(keyword)) + " " + message);
  }

  private static String where(String at) {
    return "the schema's #" + shortened(at);
  }

  static String escaped(String name) {
    return name.replace("~", "~0").replace("/", "~1");
  }

  static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case MISSING -> "missing";
      case ARRAY -> "an array of " + node.size();
      case OBJECT -> "an object";
      default -> shortened(node.toString());
    };
  }

  private static String shortened(String text) {
    String line = text.replaceAll("\\p{Cntrl}", " ");
    return line.length() <= 120 ? line : line.substring(0, 120) + "...";
  }
}
