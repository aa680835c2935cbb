package io.pariskv.constrain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Forms with so few answers that all can be listed: what may follow after any beginning is then what some answer goes on with. The
 * alphabet has no white space, so there is none.
 */
class ExactnessTest {
  private static final JsonMapper MAPPER = JsonMapper.builder().build();
  private static final List<String> LETTERS = List.of("{", "}", "[", "]", ":", ",", "\"", "a",
      "b", "0", "1", "2", "9", "-", ".", "t", "r", "u", "e", "f", "l", "s", "n", "x");
  private static final ByteTokens TOKENS = tokens();

  private static ByteTokens tokens() {
    List<String> texts = new ArrayList<>(LETTERS);
    texts.addAll(List.of("{\"", "\":", "\",\"", "\"}", "}}", "]]", "ab", "aa", "a\"", ",\"", "tru",
        "true,", "true]", "nul", "],[", "10", "11", "19", "-1", ".1", "[[", "[]", "{}", "\":1",
        "\":[", "ax", "xx", "aba", "xa", "bb\"", "\"a\":true"));
    return ByteTokens.of(texts);
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "{'type': 'boolean'}",
      "{'enum': ['a', 'ab', 'abb', 'b', 1, 10, null, [], [1, 'a'], {'a': {'b': []}}]}",
      "{'const': {'a': [true, {'b': 1}]}}",
      "{'enum': ['a', 1, null, true, {}], 'type': ['string', 'integer']}",
      "{'type': 'integer', 'minimum': -12, 'maximum': 21}",
      "{'type': 'integer', 'exclusiveMinimum': 8.5, 'exclusiveMaximum': 112}",
      "{'type': 'integer', 'minimum': -29, 'exclusiveMaximum': -1}",
      "{'type': 'array', 'items': {'type': 'boolean'}, 'minItems': 1, 'maxItems': 3}",
      "{'type': 'array', 'items': {'const': 'a'}, 'maxItems': 3}",
      "{'type': 'array', 'maxItems': 0}",
      "{'type': 'array', 'prefixItems': [{'enum': [1, 2]}, {'const': 'a'}], 'items': {'type': 'null'}, 'maxItems': 4}",
      "{'type': 'array', 'prefixItems': [{'enum': [1, 2]}, {'const': 'a'}], 'items': false, 'minItems': 1}",
      "{'type': 'array', 'items': {'type': 'array', 'items': {'enum': [1, 11]}, 'maxItems': 2}, 'maxItems': 2}",
      "{'type': 'object', 'properties': {'a': {'type': 'boolean'}, 'b': {'enum': [1]}, 'ab': {'type': 'null'}},"
          + " 'required': ['b'], 'additionalProperties': false}",
      "{'type': 'object', 'properties': {'a': {'const': 1}, 'b': false, 'aa': {'const': 2}}, 'additionalProperties': false}",
      "{'type': 'object', 'additionalProperties': false}",
      "{'anyOf': [{'enum': ['a', 'ab']}, {'enum': ['ab', 'b', 1]}, {'type': 'integer', 'minimum': 1, 'maximum': 12}]}",
      "{'anyOf': [{'$ref': '#/$defs/x'}, {'type': 'array', 'items': {'$ref': '#/$defs/x'}, 'minItems': 2, 'maxItems': 2}],"
          + " '$defs': {'x': {'anyOf': [{'const': 'a'}, {'type': 'array', 'items': {'const': 'a'}, 'maxItems': 1}]}}}",
      "{'type': 'string', 'minLength': 1, 'maxLength': 2}"})
  void afterAnyBeginning_whatMayFollowIsWhatSomeAnswerGoesOnWith(String quoted) {
    JsonNode schema = MAPPER.readTree(quoted.replace('\'', '"'));
    TreeSet<String> answers = new TreeSet<>(new Listing(schema, LETTERS).texts(schema));
    assertFalse(answers.isEmpty());
    compare(new Form.Json(schema), answers);
  }

  @Test
  void sequencesAndChoicesOfLiterals_areKeptExactly() {
    Form form = new Form.Choice(List.of(
        Form.of(new Form.Literal("ab"), new Form.Json(MAPPER.readTree("{\"type\":\"boolean\"}"))),
        new Form.Literal("abt"), new Form.Literal("aba"),
        Form.of(new Form.Literal("a"),
            new Form.Choice(List.of(new Form.Literal("b"), new Form.Literal("bt"))),
            new Form.Literal("x"))));
    compare(form, new TreeSet<>(Set.of("abtrue", "abfalse", "abt", "aba", "abx", "abtx")));
  }

  private static void compare(Form form, NavigableSet<String> answers) {
    Constraint constraint = TOKENS.constraints().to(form);
    NavigableSet<String> seen = new TreeSet<>();
    List<List<Integer>> work = new ArrayList<>(List.of(List.of()));
    for (int i = 0; i < work.size() && i < 4000; i++) {
      List<Integer> ids = work.get(i);
      Constraint.Progress progress = constraint.start();
      ids.forEach(progress::accept);
      String text = text(ids);
      boolean[] allowed = TOKENS.allowed(progress);
      for (int token = 0; token < TOKENS.rows(); token++) {
        boolean expected = token < TOKENS.end()
            ? begins(answers, text + text(List.of(token)))
            : token == TOKENS.end() && answers.contains(text);
        assertEquals(expected, allowed[token], form + " after " + text + ": token " + token
            + (token < TOKENS.end() ? " " + text(List.of(token)) : ""));
      }
      IntStream.range(0, TOKENS.end()).filter(token -> allowed[token]).forEach(token -> {
        if (seen.add(text + text(List.of(token)))) {
          List<Integer> longer = new ArrayList<>(ids);
          longer.add(token);
          work.add(longer);
        }
      });
    }
  }

  private static boolean begins(NavigableSet<String> answers, String beginning) {
    String next = answers.ceiling(beginning);
    return next != null && next.startsWith(beginning);
  }

  private static String text(List<Integer> ids) {
    StringBuilder text = new StringBuilder();
    ids.forEach(id -> text.append(new String(TOKENS.bytes(id), StandardCharsets.UTF_8)));
    return text.toString();
  }

  /** All answers without white space, in the plainest way. */
  private record Listing(JsonNode root, List<String> letters) {
    Set<String> texts(JsonNode schema) {
      Set<String> texts = new TreeSet<>();
      if (schema.isBoolean()) {
        return texts;
      }
      if (schema.has("$ref")) {
        return texts(root.at(schema.get("$ref").stringValue().substring(1)));
      }
      schema.path("anyOf").forEach(one -> texts.addAll(texts(one)));
      if (schema.has("const")) {
        texts.add(schema.get("const").toString());
      }
      for (JsonNode value : schema.path("enum")) {
        if (!schema.has("type") || value.isString() || value.isInt()) {
          texts.add(value.toString());
        }
      }
      if (texts.isEmpty() && schema.has("type")) {
        switch (schema.get("type").stringValue()) {
          case "null" -> texts.add("null");
          case "boolean" -> texts.addAll(Set.of("true", "false"));
          case "integer" -> integers(schema, texts);
          case "string" -> strings(schema, texts);
          case "array" -> arrays(schema, "[", 0, texts);
          default -> objects(schema, texts);
        }
      }
      return texts;
    }

    private static boolean within(JsonNode schema, double value) {
      return value >= schema.path("minimum").asDouble(-1e9)
          && value <= schema.path("maximum").asDouble(1e9)
          && value > schema.path("exclusiveMinimum").asDouble(-1e9)
          && value < schema.path("exclusiveMaximum").asDouble(1e9);
    }

    private void integers(JsonNode schema, Set<String> texts) {
      IntStream.range(-1000, 1000).filter(i -> within(schema, i)).mapToObj(Integer::toString)
          .filter(this::spelt).forEach(texts::add);
    }

    private boolean spelt(String text) {
      return text.chars().allMatch(c -> letters.contains(String.valueOf((char) c)));
    }

    private void strings(JsonNode schema, Set<String> texts) {
      List<String> all = new ArrayList<>(List.of(""));
      for (int i = 0; i < all.size(); i++) {
        String text = all.get(i);
        if (text.length() >= schema.path("minLength").asInt()) {
          texts.add("\"" + text + "\"");
        }
        if (text.length() < schema.get("maxLength").asInt()) {
          letters.stream().filter(letter -> !letter.equals("\""))
              .forEach(letter -> all.add(text + letter));
        }
      }
    }

    private void arrays(JsonNode schema, String before, int count, Set<String> texts) {
      if (count >= schema.path("minItems").asInt(0)) {
        texts.add(before + "]");
      }
      JsonNode firsts = schema.path("prefixItems");
      JsonNode element = count < firsts.size() ? firsts.get(count) : schema.path("items");
      if (count < schema.path("maxItems").asInt(9) && !element.isMissingNode()) {
        for (String text : texts(element)) {
          arrays(schema, before + (count > 0 ? "," : "") + text, count + 1, texts);
        }
      }
    }

    private void objects(JsonNode schema, Set<String> texts) {
      Set<String> required = new LinkedHashSet<>();
      schema.path("required").forEach(name -> required.add(name.stringValue()));
      List<String> ways = new ArrayList<>(List.of("{"));
      List<Map.Entry<String, JsonNode>> properties = new ArrayList<>(
          schema.path("properties").properties());
      required.stream().filter(name -> !schema.path("properties").has(name)).forEach(
          name -> properties.add(Map.entry(name, schema.get("additionalProperties"))));
      for (Map.Entry<String, JsonNode> property : properties) {
        List<String> longer = new ArrayList<>();
        for (String way : ways) {
          if (!required.contains(property.getKey())) {
            longer.add(way);
          }
          for (String text : texts(property.getValue())) {
            longer.add(
                way + (way.length() > 1 ? "," : "") + "\"" + property.getKey() + "\":" + text);
          }
        }
        ways = longer;
      }
      ways.forEach(way -> texts.add(way + "}"));
    }
  }
}
