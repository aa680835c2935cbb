package io.pariskv.server.http;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The fields of a JSON object from a client. Each is read, or known to be harmless, or refused by its name: {@link #end}
 * refuses what nobody asked for, so nothing is silently ignored. A field that is null counts as left out.
 *
 * <p>All methods throw {@link ApiException} for a value that cannot be used. Not thread-safe.
 */
public final class Fields {
  private final JsonNode object;
  private final String path;
  private final Set<String> known = new HashSet<>();

  /** The body of a request. */
  public Fields(JsonNode object) {
    this(object, "");
  }

  private Fields(JsonNode object, String path) {
    this.object = object;
    this.path = path;
  }

  /** The fields of {@code node}, which must be an object, at {@code path} of the body. */
  public static Fields of(JsonNode node, String path) {
    if (!node.isObject()) {
      throw ApiException.invalid(path, path + " is " + Json.kind(node) + ", expected an object");
    }
    return new Fields(node, path + ".");
  }

  /** The whole name of a field of this object. */
  public String name(String field) {
    return path + field;
  }

  /** A value as it is. */
  public @Nullable JsonNode any(String field) {
    known.add(field);
    JsonNode value = object.get(field);
    return value == null || value.isNull() ? null : value;
  }

  /** A value as it is, which must be there. */
  public JsonNode required(String field) {
    JsonNode value = any(field);
    if (value == null) {
      throw missing(field);
    }
    return value;
  }

  /** A string. */
  public @Nullable String text(String field) {
    JsonNode value = any(field);
    if (value == null) {
      return null;
    }
    if (!value.isString()) {
      throw wrong(field, value, "a string");
    }
    return value.stringValue();
  }

  /** A string that must be there. */
  public String requiredText(String field) {
    String value = text(field);
    if (value == null) {
      throw missing(field);
    }
    return value;
  }

  /**
   * A string that must be there, and match.
   *
   * @param pattern of all of it
   * @param expected the pattern, as the refusal says it
   */
  public String requiredText(String field, String pattern, String expected) {
    String value = requiredText(field);
    if (!value.matches(pattern)) {
      throw ApiException.invalid(name(field),
          name(field) + " is \"" + Json.shorten(value) + "\", expected " + expected);
    }
    return value;
  }

  /** A boolean. */
  public boolean flag(String field, boolean otherwise) {
    JsonNode value = any(field);
    if (value == null) {
      return otherwise;
    }
    if (!value.isBoolean()) {
      throw wrong(field, value, "true or false");
    }
    return value.booleanValue();
  }

  /** An integer in a range. */
  public @Nullable Integer integer(String field, int least, int most) {
    Long value = wide(field, least, most);
    return value == null ? null : value.intValue();
  }

  /** An integer in a range. */
  public @Nullable Long wide(String field, long least, long most) {
    JsonNode value = any(field);
    if (value == null) {
      return null;
    }
    if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < least
        || value.longValue() > most) {
      throw wrong(field, value, "an integer from " + least + " to " + most);
    }
    return value.longValue();
  }

  /** A number in a range. */
  public @Nullable Double number(String field, double least, double most) {
    JsonNode value = any(field);
    if (value == null) {
      return null;
    }
    if (!value.isNumber() || !(value.doubleValue() >= least && value.doubleValue() <= most)) {
      throw wrong(field, value, "a number from " + least + " to " + most);
    }
    return value.doubleValue();
  }

  /** The fields of an object. */
  public @Nullable Fields object(String field) {
    JsonNode value = any(field);
    return value == null ? null : of(value, name(field));
  }

  /** The items of an array. */
  public @Nullable List<JsonNode> array(String field, int most) {
    JsonNode value = any(field);
    if (value == null) {
      return null;
    }
    if (!value.isArray() || value.size() > most) {
      throw wrong(field, value, "an array of at most " + most);
    }
    return new ArrayList<>(value.values());
  }

  /** Fields that change nothing about an answer. */
  public void harmless(String... fields) {
    known.addAll(List.of(fields));
  }

  /**
   * A field that this server does not have, except for the values that ask for what it does anyway.
   *
   * @param why what the client can do, or how it is here
   * @param accepted JSON texts of those values
   */
  public void unsupported(String field, String why, String... accepted) {
    JsonNode value = any(field);
    if (value != null && !List.of(accepted).contains(value.toString())) {
      throw ApiException.invalid(name(field), "unsupported_parameter",
          name(field) + " is " + Json.kind(value) + ", which is not supported: " + why);
    }
  }

  /** Refuses fields that nobody asked for. */
  public void end() {
    for (String field : object.propertyNames()) {
      if (!known.contains(field) && any(field) != null) {
        throw ApiException.invalid(name(Json.shorten(field)), "unknown_parameter",
            name(Json.shorten(field)) + " is not a field that this server knows; leave it out");
      }
    }
  }

  /** The refusal of a field that must be there. */
  public ApiException missing(String field) {
    return ApiException.invalid(name(field), "missing_required_parameter",
        name(field) + " is missing");
  }

  private ApiException wrong(String field, JsonNode value, String expected) {
    return ApiException.invalid(name(field),
        name(field) + " is " + Json.kind(value) + ", expected " + expected);
  }
}
