package io.pariskv.constrain;

import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Schemas of all that is supported. */
final class Schemas {
  static final JsonMapper MAPPER = JsonMapper.builder().build();

  private static final List<String> ALL = List.of(
      "true", "{}", "{'type': 'object'}", "{'type': ['array', 'null', 'integer']}",
      "{'properties': {'a': {'type': 'integer'}}, 'required': ['a'], 'title': 'not only objects'}",
      "{'type': 'object', 'properties': {'name': {'type': 'string', 'description': 'x'},"
          + " 'age': {'type': 'integer', 'minimum': 0, 'maximum': 130}, 'mail': {'type': ['string', 'null'], 'format': 'email'},"
          + " 'tags': {'type': 'array', 'items': {'enum': ['red', 'green', 'gr\\u00fcn', '\\\"', '\\n']}, 'minItems': 1, 'maxItems': 4}},"
          + " 'required': ['name', 'tags'], 'additionalProperties': false}",
      "{'type': 'object', 'properties': {'n': {'type': 'string'}, 'name': {'type': 'string'}, '\\u00e4\\u00e9': {}, 'a\\\"b': {'const': 1}},"
          + " 'additionalProperties': {'type': 'boolean'}}",
      "{'type': 'object', 'required': ['x', 'y'], 'properties': {'y': {'type': 'null'}}, 'additionalProperties': {'type': 'integer'}}",
      "{'type': 'string', 'minLength': 2, 'maxLength': 5}",
      "{'type': 'string', 'minLength': 9}",
      "{'type': 'number', 'minimum': -1.25, 'exclusiveMaximum': 100}",
      "{'type': 'number', 'exclusiveMinimum': 0, 'maximum': 1}",
      "{'type': 'number', 'maximum': -0.5}",
      "{'type': 'integer', 'exclusiveMinimum': -1000, 'exclusiveMaximum': 12345678901234567890}",
      "{'type': 'array', 'prefixItems': [{'type': 'integer'}, {'type': 'string', 'maxLength': 3}], 'items': {'type': 'boolean'},"
          + " 'minItems': 1, 'maxItems': 5}",
      "{'type': 'array', 'minItems': 3, 'items': {'type': 'number'}}",
      "{'$ref': '#/$defs/node', '$defs': {'node': {'type': 'object', 'properties': {'value': {'type': 'integer'},"
          + " 'next': {'anyOf': [{'$ref': '#/$defs/node'}, {'type': 'null'}]},"
          + " 'children': {'type': 'array', 'items': {'$ref': '#/$defs/node'}, 'maxItems': 3}}, 'required': ['value', 'next']}}}",
      "{'anyOf': [{'type': 'object', 'properties': {'a': {'type': 'string'}, 'b': {'type': 'integer'}}, 'required': ['a', 'b'], 'additionalProperties': false},"
          + " {'type': 'object', 'properties': {'a': {'type': 'string', 'maxLength': 3}, 'c': {'type': 'boolean'}}, 'additionalProperties': false},"
          + " {'type': 'array', 'items': {'$ref': '#'}}, {'type': 'string', 'maxLength': 8}]}",
      "{'oneOf': [{'type': 'object', 'properties': {'kind': {'const': 'cat'}, 'lives': {'type': 'integer'}}, 'required': ['kind'], 'additionalProperties': false},"
          + " {'$ref': '#/$defs/a~1b%20c'}, {'type': 'string'}], '$defs': {'a/b c': {'type': 'object',"
          + " 'properties': {'kind': {'enum': ['dog', 'wolf']}}, 'required': ['kind'], 'additionalProperties': false}}}",
      "{'type': 'object', 'properties': {'q': {'allOf': [{'$ref': '#/properties/r'}], 'description': 'as r'},"
          + " 'r': {'enum': [1, 2.5, -3e2, null, true, [1, {'a': 'b'}], {}]}}, 'required': ['r', 'q'], 'uniqueItems': false}",
      "{'type': ['integer', 'string'], 'anyOf': [{'type': 'number', 'maximum': 7}, {'enum': ['x', null, 1]}]}");

  private Schemas() {
  }

  static List<JsonNode> all() {
    return ALL.stream().map(Schemas::of).toList();
  }

  /** A schema with single quotes for double ones. */
  static JsonNode of(String quoted) {
    return MAPPER.readTree(quoted.replace('\'', '"'));
  }
}
