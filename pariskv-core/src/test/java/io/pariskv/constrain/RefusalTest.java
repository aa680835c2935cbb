package io.pariskv.constrain;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** What cannot be kept is refused with its place and the way out. */
class RefusalTest {
  private static final ByteTokens TOKENS = ByteTokens.allBytesAnd("\":", "\",\"", "aa");

  private static String refusal(JsonNode schema) {
    return String.valueOf(assertThrows(InputException.class,
        () -> TOKENS.constraints().to(new Form.Json(schema))).getMessage());
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
      {'type': 'string', 'pattern': 'a+'}                              | the schema's # has "pattern" | enum
      {'properties': {'a/b': {'patternProperties': {}}}}               | #/properties/a~1b has "patternProperties" | enum
      {'items': {'propertyNames': true}}                               | #/items has "propertyNames" | enum
      {'anyOf': [true, {'not': {}}]}                                   | #/anyOf/1 has "not" | anyOf
      {'if': {}, 'then': {}}                                           | # has "if" | anyOf
      {'dependentRequired': {}}                                        | # has "dependentRequired" | anyOf
      {'unevaluatedProperties': false}                                 | # has "unevaluatedProperties" | anyOf
      {'items': {'uniqueItems': true}}                                 | #/items has "uniqueItems" | leave it out
      {'multipleOf': 2}                                                | # has "multipleOf" | leave it out
      {'contains': {}}                                                 | # has "contains" | leave it out
      {'minProperties': 1}                                             | # has "minProperties" | leave it out
      {'maxProperties': 1}                                             | # has "maxProperties" | leave it out
      {'nullable': true}                                               | # has "nullable" | "null"
      {'minimun': 2}                                                   | # has "minimun" | leave it out
      {'$anchor': 'x'}                                                 | # has "$anchor" | leave it out
      {'items': {'$id': 'x'}}                                          | #/items has an "$id" | leave it out
      {'$ref': 'other.json#/x'}                                        | #/$ref is "other.json#/x" | #/$defs/name
      {'$ref': '#x'}                                                   | #/$ref is "#x" | #/$defs/name
      {'$ref': '#/$defs/x'}                                            | #/$ref is "#/$defs/x", where there is nothing | correct it
      {'$ref': '#/%zz'}                                                | #/$ref is no valid reference | correct it
      {'$ref': 3}                                                      | #/$ref is 3 | expected a text
      {'$defs': {'x': {'$id': 'y', '$defs': {'z': true}}}, '$ref': '#/$defs/x/$defs/z'} | #/$ref | correct it
      {'$ref': '#'}                                                    | # refers to itself | remove the reference
      {'$ref': '#/$defs/a', '$defs': {'a': {'anyOf': [{'type': 'null'}, {'$ref': '#/$defs/b'}]}, 'b': {'$ref': '#/$defs/a'}}} | refers to itself | remove
      {'$ref': '#/$defs/a', '$defs': {'a': {}}, 'minLength': 1}        | #/$ref stands beside "minLength" | one of them
      {'anyOf': [{}], 'properties': {}}                                | #/anyOf stands beside "properties" | one of them
      {'enum': [1], 'minimum': 0}                                      | #/enum stands beside "minimum" | one of them
      {'allOf': [{}, {}]}                                              | #/allOf has 2 schemas | merge
      {'oneOf': [{'type': 'integer'}, {'type': 'number'}]}             | #/oneOf has alternatives 0 and 1 | anyOf
      {'oneOf': [{'enum': [1, 2]}, {'const': 2.0}]}                    | #/oneOf has alternatives 0 and 1 | anyOf
      {'anyOf': []}                                                    | #/anyOf is an array of 0 | at least 1
      {'enum': []}                                                     | # fits no value | correct it
      false                                                            | # fits no value | correct it
      {'type': 'object', 'required': ['a'], 'properties': {'a': {'items': {'enum': ['x']}, 'type': 'array', 'minItems': 2, 'maxItems': 1}}} | #/properties/a fits no value | correct it
      {'required': ['b'], 'type': 'object', 'additionalProperties': false} | fits no value | correct it
      {'type': 'object', 'properties': {'a': {'$ref': '#'}}, 'required': ['a']} | fits no value | correct it
      {'type': 'integer', 'exclusiveMinimum': 1, 'exclusiveMaximum': 2} | fits no value | correct it
      {'type': 'text'}                                                 | #/type has "text" | expected null
      {'type': []}                                                     | #/type | expected null
      {'type': ['string', 7]}                                          | #/type has 7 | expected null
      {'items': [true]}                                                | #/items is an array | prefixItems
      {'items': 'x'}                                                   | #/items is "x" | an object, true or false
      {'minItems': -1}                                                 | #/minItems is -1 | at least 0
      {'maxLength': 1.5}                                               | #/maxLength is 1.5 | whole number
      {'maxItems': '7'}                                                | #/maxItems is "7" | whole number
      {'minimum': true}                                                | #/minimum is true | a number
      {'minimum': 1e999}                                               | #/minimum is | a number
      {'minimum': 1e50}                                                | #/minimum has more than 40 digits | 40
      {'minimum': 1e-50}                                               | #/minimum has 50 digits after | round it
      {'required': 'a'}                                                | #/required is "a" | an array
      {'required': [1]}                                                | #/required has 1 | names
      {'properties': []}                                               | #/properties is an array | an object
      {'enum': 'a'}                                                    | #/enum is "a" | an array
      {'enum': ['\\ud800']}                                            | #/enum has half of a surrogate pair | correct it
      {'required': ['\\ud800']}                                        | #/required has half of a surrogate pair | correct it
      {'const': [1e999]}                                               | #/const has a number that is too large | smaller
      """)
  void whatCannotBeKept_isRefusedWithItsPlaceAndTheWayOut(String quoted, String place,
      String wayOut) {
    String message = refusal(Schemas.of(quoted));
    assertTrue(message.contains(place), message);
    assertTrue(message.contains(wayOut), message);
    assertTrue(message.lines().count() == 1 && message.length() < 400, message);
  }

  @Test
  void schemasThatAreTooLarge_areRefused() {
    ObjectNode deep = JsonNodeFactory.instance.objectNode();
    ObjectNode at = deep;
    for (int i = 0; i < 400; i++) {
      at = at.putObject("items");
    }
    assertTrue(refusal(deep).contains("more than 64 levels deep; use fewer"), refusal(deep));

    JsonNode value = JsonNodeFactory.instance.objectNode();
    for (int i = 0; i < 400; i++) {
      value = JsonNodeFactory.instance.arrayNode().add(value);
    }
    JsonNode constant = JsonNodeFactory.instance.objectNode().set("const", value);
    assertTrue(refusal(constant).contains("#/const has a value of more than 64 levels"));

    ObjectNode many = JsonNodeFactory.instance.objectNode();
    many.putArray("anyOf").addAll(IntStream.range(0, 3000)
        .mapToObj(i -> (JsonNode) JsonNodeFactory.instance.objectNode().put("maxLength", i))
        .toList());
    assertTrue(refusal(many).contains("2000"), refusal(many));

    ObjectNode values = JsonNodeFactory.instance.objectNode();
    values.putArray("enum").add("x".repeat(200_000));
    assertTrue(refusal(values).contains("more than 100000 states"), refusal(values));
  }

  /** Each pair of them leads to another pair, and none is told apart. */
  @Test
  void alternativesThatAreCompared_withoutEnd_areRefused() {
    JsonNode schema = Schemas
        .of("{'oneOf': [{'$ref': '#/$defs/a'}, {'$ref': '#/$defs/b'}], '$defs': {"
            + "'a': {'type': 'object', 'properties': {'n': {'$ref': '#/$defs/a'}}, 'required': ['n']},"
            + "'b': {'type': 'object', 'properties': {'n': {'$ref': '#/$defs/b'}}, 'required': ['n']}}}");
    assertTrue(refusal(schema).contains("#/oneOf has alternatives 0 and 1"));

    ObjectNode enums = JsonNodeFactory.instance.objectNode();
    enums.putArray("oneOf").addAll(IntStream.range(0, 200).mapToObj(i -> {
      ObjectNode one = JsonNodeFactory.instance.objectNode();
      one.putArray("enum").addAll(IntStream.range(0, 200)
          .mapToObj(k -> (JsonNode) JsonNodeFactory.instance.numberNode(200 * i + k)).toList());
      return (JsonNode) one;
    }).toList());
    assertTrue(refusal(enums).contains("#/oneOf has alternatives"));
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "{'anyOf': [%s]}|{'type': 'string', 'minLength': %d, 'maxLength': 1%d}|400",
      "{'type': 'array', 'minItems': 2, 'items': {'anyOf': [%s]}}|{'properties': {'name%d': true}}|900",
      "{'type': 'object', 'properties': {%s}}|'p%d': {'type': 'string'}|1500",
      "{'anyOf': [{'enum': [%s]}, {'type': 'string', 'maxLength': 9}]}|'va%dlue'|4000",
      "{'type': 'array', 'items': {'anyOf': [%s]}}|{'type': 'array', 'items': {'$ref': '#'}, 'maxItems': %d}|300",
      "{'$ref': '#/$defs/x1', '$defs': {%s, 'x700': {}}}|'x%d': {'anyOf': [{'maxLength': %d}, {'$ref': '#/$defs/x700'}]}|600"})
  void schemasThatAreReadInManyWays_haveAnswersOrAreRefused(String pattern) {
    String[] parts = pattern.split("\\|");
    JsonNode schema = Schemas.of(parts[0].replace("%s",
        IntStream.range(1, Integer.parseInt(parts[2]))
            .mapToObj(i -> parts[1].replace("%d", Integer.toString(i)))
            .collect(Collectors.joining(", "))));
    ByteTokens tokens = ByteTokens.allBytesAnd("\":", "na", "name", "me1", "va", "lue", "[[", "{\"",
        "\"p", "a".repeat(100));
    Constraint constraint = tokens.constraints().to(new Form.Json(schema));
    Judge judge = new Judge(schema);
    for (int seed = 0; seed < 2; seed++) {
      judge.requireValid(
          RandomWalk.of(tokens).answer(constraint, new Random(seed), 3), seed);
    }
  }

  @Test
  void modelsWhoseTokensCannotSpellAnswers_areRefused() {
    Form form = new Form.Json(Schemas.of("{'enum': ['ab', 'ac']}"));
    String none = String.valueOf(assertThrows(InputException.class,
        () -> ByteTokens.of(List.of("\"", "a")).constraints().to(form)).getMessage());
    assertTrue(none.contains("cannot spell") && none.contains("'b', 'c'"), none);
    String stuck = String.valueOf(assertThrows(InputException.class,
        () -> ByteTokens.of(List.of("\"", "a", "b\"")).constraints().to(form))
        .getMessage());
    assertTrue(stuck.contains("no single token for 'b'"), stuck);
    String endless = String.valueOf(assertThrows(InputException.class,
        () -> Constraints.of(TOKENS, Set.of(), TOKENS.rows()).to(form)).getMessage());
    assertTrue(endless.contains("end a turn"), endless);
  }
}
