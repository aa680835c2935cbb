package io.pariskv.constrain;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.StringNode;

/** The texts of given values. */
final class Constants {
  private final Grammar grammar;
  private final JsonRules json;

  Constants(Grammar grammar, JsonRules json) {
    this.grammar = grammar;
    this.json = json;
  }

  /** Adds those of the values to a rule that are of some types. */
  void add(Node rule, Iterable<JsonNode> values, int types) {
    List<byte[]> simple = new ArrayList<>();
    for (JsonNode value : values) {
      if (!Types.contain(types, value)) {
        continue;
      }
      if (value.isContainer()) {
        rule.or(value(value, grammar.end));
      } else {
        simple.add(value.toString().getBytes(StandardCharsets.UTF_8));
      }
    }
    rule.or(grammar.literals(simple, grammar.end));
  }

  private Node value(JsonNode value, Node next) {
    if (value.isArray()) {
      Node at = grammar.literal("]", next);
      for (int i = value.size() - 1; i >= 0; i--) {
        at = value(value.get(i), i == value.size() - 1 ? json.space(at) : json.between(',', at));
      }
      return grammar.literal("[", json.space(at));
    }
    if (value.isObject()) {
      Node at = grammar.literal("}", next);
      boolean last = true;
      for (Map.Entry<String, JsonNode> member : List.copyOf(value.properties()).reversed()) {
        Node then = last ? json.space(at) : json.between(',', at);
        at = grammar.literal(quoted(member.getKey()),
            json.between(':', value(member.getValue(), then)));
        last = false;
      }
      return grammar.literal("{", json.space(at));
    }
    return grammar.literal(value.toString(), next);
  }

  /** A string with the escapes that it needs, and no others. */
  static String quoted(String text) {
    return StringNode.valueOf(text).toString();
  }
}
