package io.pariskv.eval.data;

import io.pariskv.error.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * One JSON value of a data file, whose errors say where it is.
 *
 * <p>A field that is {@code null} counts as absent. Where several names are given, the first that is there
 * counts: exports of a data set differ in them.
 */
public final class JsonItem {
  private final Path file;
  private final String where;
  private final JsonNode node;

  /** @param where the item in the file, such as {@code item 3} or {@code line 7} */
  JsonItem(Path file, String where, JsonNode node) {
    this.file = file;
    this.where = where;
    this.node = node;
  }

  /** A field that must be text and not blank. */
  public String text(String... names) {
    String text = textOrNull(names);
    if (text == null || text.isBlank()) {
      throw error(DataFile.quoted(names), text == null ? "is missing" : "is empty",
          "expected text");
    }
    return text;
  }

  /** A field that is text if it is there. */
  public @Nullable String textOrNull(String... names) {
    JsonNode value = valueOrNull(names);
    if (value == null) {
      return null;
    }
    if (!value.isString()) {
      throw wrong(DataFile.quoted(names), value, "text");
    }
    return value.stringValue();
  }

  /** A field that must be text or a number; a number is given as the file writes it. */
  public String textOrNumber(String... names) {
    JsonNode value = valueOrNull(names);
    return value != null && value.isNumber() ? value.toString() : text(names);
  }

  /** As {@link #textOrNumber}, or another value if the field is absent. */
  public String textOrNumberOr(String absent, String... names) {
    return valueOrNull(names) == null ? absent : textOrNumber(names);
  }

  /** A field that is true or false; false if absent. */
  public boolean flag(String name) {
    JsonNode value = valueOrNull(name);
    if (value != null && !value.isBoolean()) {
      throw wrong(DataFile.quoted(name), value, "true or false");
    }
    return value != null && value.booleanValue();
  }

  /** A field that must be a list. */
  public List<JsonItem> list(String name) {
    JsonNode value = valueOrNull(name);
    if (value == null) {
      throw error(DataFile.quoted(name), "is missing", "expected a list");
    }
    return new JsonItem(file, where + ", " + name, value).elements();
  }

  /** The elements of this value, which must be a list. */
  public List<JsonItem> elements() {
    if (!node.isArray()) {
      throw wrong("this", node, "a list");
    }
    List<JsonItem> items = new ArrayList<>(node.size());
    for (JsonNode element : node) {
      items.add(new JsonItem(file, where + "[" + items.size() + "]", element));
    }
    return items;
  }

  /** This value, which must be text. */
  public String asText() {
    if (!node.isString()) {
      throw wrong("this", node, "text");
    }
    return node.stringValue();
  }

  /** The values of this list or of the fields of this object. */
  public List<JsonItem> values() {
    if (node.isArray()) {
      return elements();
    }
    if (!node.isObject()) {
      throw wrong("this", node, "a list or an object");
    }
    List<JsonItem> items = new ArrayList<>(node.size());
    node.properties().forEach(field -> items.add(new JsonItem(file,
        where + ", " + DataFile.shown(field.getKey()), field.getValue())));
    return items;
  }

  /** An error about a field of this item. */
  public InputException error(String field, String problem, String expected) {
    return new InputException(file + ", " + where + ": " + field + " "
        + DataFile.shown(problem) + ", " + expected
        + "; correct it or download the file again");
  }

  private InputException wrong(String field, JsonNode found, String expected) {
    String shown = found.isArray()
        ? "a list"
        : found.isObject() ? "an object" : DataFile.shown(found.toString());
    return error(field, "is " + shown, "expected " + expected);
  }

  private @Nullable JsonNode valueOrNull(String... names) {
    if (!node.isObject()) {
      throw wrong("this", node, "an object with " + DataFile.quoted(names));
    }
    for (String name : names) {
      JsonNode value = node.get(name);
      if (value != null && !value.isNull()) {
        return value;
      }
    }
    return null;
  }
}
