package io.pariskv.model.file;

import io.pariskv.error.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The fields of one JSON object, read with their types and ranges checked.
 *
 * <p>A field that is {@code null} counts as absent, as in Python's configuration classes. Each error names
 * the file and the field with its path inside the file.
 */
final class JsonFields {
  private static final int MAX_LIST = 100_000;

  private final Path file;
  private final String prefix;
  private final ObjectNode object;

  JsonFields(Path file, ObjectNode object) {
    this(file, "", object);
  }

  private JsonFields(Path file, String prefix, ObjectNode object) {
    this.file = file;
    this.prefix = prefix;
    this.object = object;
  }

  /** Whether the field is there and not {@code null}. */
  boolean has(String name) {
    return valueOrNull(name) != null;
  }

  /** Whether the field is there and is {@code null}, for the few whose default is something else. */
  boolean isNull(String name) {
    JsonNode value = object.get(name);
    return value != null && value.isNull();
  }

  /** Whether the object has no field at all. */
  boolean isEmpty() {
    return object.isEmpty();
  }

  /** The names of all fields, in the file's order. */
  Iterable<String> names() {
    return object.propertyNames();
  }

  int integer(String name, int min, int max) {
    Integer value = integerOrNull(name, min, max);
    if (value == null) {
      throw missing(name, "a whole number from " + min + " to " + max);
    }
    return value;
  }

  int integer(String name, int min, int max, int absent) {
    Integer value = integerOrNull(name, min, max);
    return value == null ? absent : value;
  }

  @Nullable
  Integer integerOrNull(String name, int min, int max) {
    JsonNode value = valueOrNull(name);
    return value == null ? null : asInteger(name, value, min, max);
  }

  /** One number or a list of numbers. */
  List<Integer> integers(String name, int min, int max, List<Integer> absent) {
    JsonNode value = valueOrNull(name);
    if (value == null) {
      return absent;
    }
    if (!value.isArray()) {
      return List.of(asInteger(name, value, min, max));
    }
    List<Integer> integers = new ArrayList<>();
    for (JsonNode element : checkedList(name, value)) {
      integers.add(asInteger(name, element, min, max));
    }
    return List.copyOf(integers);
  }

  double number(String name, double min, double max) {
    Double value = numberOrNull(name, min, max);
    if (value == null) {
      throw missing(name, "a number from " + min + " to " + max);
    }
    return value;
  }

  double number(String name, double min, double max, double absent) {
    Double value = numberOrNull(name, min, max);
    return value == null ? absent : value;
  }

  @Nullable
  Double numberOrNull(String name, double min, double max) {
    JsonNode value = valueOrNull(name);
    if (value == null) {
      return null;
    }
    double number = value.isNumber() ? value.doubleValue() : Double.NaN;
    if (!(number >= min && number <= max)) {
      throw wrong(name, value, "a number from " + min + " to " + max);
    }
    return number;
  }

  boolean flag(String name, boolean absent) {
    Boolean value = flagOrNull(name);
    return value == null ? absent : value;
  }

  @Nullable
  Boolean flagOrNull(String name) {
    JsonNode value = valueOrNull(name);
    if (value != null && !value.isBoolean()) {
      throw wrong(name, value, "true or false");
    }
    return value == null ? null : value.booleanValue();
  }

  @Nullable
  String textOrNull(String name) {
    JsonNode value = valueOrNull(name);
    if (value != null && !value.isString()) {
      throw wrong(name, value, "a string");
    }
    return value == null ? null : value.stringValue();
  }

  /** A list of strings, or null if absent. */
  @Nullable
  List<String> textsOrNull(String name) {
    JsonNode value = valueOrNull(name);
    if (value == null) {
      return null;
    }
    if (!value.isArray()) {
      throw wrong(name, value, "a list of strings");
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode element : checkedList(name, value)) {
      if (!element.isString()) {
        throw wrong(name, element, "only strings in the list");
      }
      texts.add(element.stringValue());
    }
    return List.copyOf(texts);
  }

  @Nullable
  JsonFields objectOrNull(String name) {
    JsonNode value = valueOrNull(name);
    if (value == null) {
      return null;
    }
    if (value instanceof ObjectNode child) {
      return new JsonFields(file, prefix + name + ".", child);
    }
    throw wrong(name, value, "an object or null");
  }

  /** Whether the field is an object itself. */
  boolean isObject(String name) {
    return valueOrNull(name) instanceof ObjectNode;
  }

  /** An error about this field, whose way out is a better file. */
  InputException error(String name, String problem) {
    return error(name, problem, "correct it or download the model again");
  }

  /** An error about this field: {@code file: prefix.name problem; wayOut}. */
  InputException error(String name, String problem, String wayOut) {
    return new InputException(
        file + ": " + Shown.plain(prefix + name) + " " + problem + "; " + wayOut);
  }

  /** An error about the object as a whole, whose message already names the field. */
  InputException error(IllegalArgumentException reason) {
    return new InputException(
        file + ": " + prefix + reason.getMessage() + "; correct it or download the model again",
        reason);
  }

  private InputException missing(String name, String expected) {
    return error(name, "is missing, expected " + expected);
  }

  private InputException wrong(String name, JsonNode found, String expected) {
    String shown = found.isContainer()
        ? (found.isArray() ? "a list" : "an object")
        : found.toString();
    return error(name, "is " + Shown.plain(shown) + ", expected " + expected);
  }

  private Iterable<JsonNode> checkedList(String name, JsonNode list) {
    if (list.size() > MAX_LIST) {
      throw error(name, "has " + list.size() + " entries, expected at most " + MAX_LIST);
    }
    return list;
  }

  private int asInteger(String name, JsonNode value, int min, int max) {
    if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < min
        || value.intValue() > max) {
      throw wrong(name, value, "a whole number from " + min + " to " + max);
    }
    return value.intValue();
  }

  private @Nullable JsonNode valueOrNull(String name) {
    JsonNode value = object.get(name);
    return value == null || value.isNull() ? null : value;
  }
}
