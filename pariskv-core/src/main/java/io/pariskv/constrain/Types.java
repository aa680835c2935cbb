package io.pariskv.constrain;

import tools.jackson.databind.JsonNode;

/** Sets of the types of JSON Schema, as bits. Numbers are those with a fraction and integers. */
final class Types {
  static final int NULL = 1;
  static final int BOOLEAN = 2;
  static final int STRING = 4;
  static final int OBJECT = 8;
  static final int ARRAY = 16;
  static final int INTEGER = 32;
  static final int NUMBER = 64 | INTEGER;
  static final int ALL = 127;

  private Types() {
  }

  /** The types that a schema allows. */
  static int of(Place place) {
    if (!place.has("type")) {
      return ALL;
    }
    JsonNode type = place.get("type");
    if (type.isArray() && !type.isEmpty()) {
      int types = 0;
      for (JsonNode one : type) {
        types |= named(one, place);
      }
      return types;
    }
    return named(type, place);
  }

  private static int named(JsonNode type, Place place) {
    return switch (type.asString("")) {
      case "null" -> NULL;
      case "boolean" -> BOOLEAN;
      case "string" -> STRING;
      case "object" -> OBJECT;
      case "array" -> ARRAY;
      case "integer" -> INTEGER;
      case "number" -> NUMBER;
      default -> throw place.refusal("type", "has " + Place.kind(type)
          + ", expected null, boolean, string, object, array, integer, number, or a list of these");
    };
  }

  /** Whether a value is of one of these types. */
  static boolean contain(int types, JsonNode value) {
    return (types & switch (value.getNodeType()) {
      case NULL -> NULL;
      case BOOLEAN -> BOOLEAN;
      case STRING -> STRING;
      case OBJECT -> OBJECT;
      case ARRAY -> ARRAY;
      case NUMBER -> Numbers.isWhole(Numbers.of(value)) ? INTEGER : NUMBER & ~INTEGER;
      default -> 0;
    }) != 0;
  }
}
