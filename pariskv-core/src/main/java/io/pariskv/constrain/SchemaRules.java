package io.pariskv.constrain;

import io.pariskv.error.InputException;
import java.math.BigDecimal;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Makes the rules of one JSON Schema: a rule a schema in it, and one a schema that is referred to. What a schema allows is a union over
 * types; keywords limit those types that they speak of.
 */
final class SchemaRules {
  private static final int MAX_SCHEMAS = 2_000;

  private final Grammar grammar;
  private final JsonRules json;
  private final References references;
  private final ObjectRules objects;
  private final Constants constants;
  /** By place and types. */
  private final Map<List<Object>, Node> referred = new HashMap<>();
  private final Deque<Runnable> pending = new ArrayDeque<>();
  private final Map<Node, Place> places = new LinkedHashMap<>();
  private final Node root;

  /** @throws InputException if the schema is wrong, or says what is not supported, or if no value fits it */
  SchemaRules(Grammar grammar, JsonRules json, JsonNode schema) {
    this.grammar = grammar;
    this.json = json;
    this.references = new References(schema);
    this.objects = new ObjectRules(grammar, json, this);
    this.constants = new Constants(grammar, json);
    this.root = referred("", Types.ALL);
    while (!pending.isEmpty()) {
      pending.remove().run();
    }
    requireGrounded();
    requireSatisfiable();
  }

  Node root() {
    return root;
  }

  /** The rule of a schema that is referred to; made later, since it may refer to what is being made. */
  private Node referred(String at, int types) {
    return referred.computeIfAbsent(List.of(at, types), _ -> {
      Node rule = grammar.node();
      pending.add(() -> rule.or(rule(references.at(at), types, 0)));
      return rule;
    });
  }

  /** The rule of a schema within another. */
  Node rule(Place place, int depth) {
    return rule(place, Types.ALL, depth + 1);
  }

  /**
   * The rule of a schema.
   *
   * @param types those that a schema around it allows
   */
  private Node rule(Place place, int types, int depth) {
    if (depth > Place.MAX_DEPTH || places.size() == MAX_SCHEMAS) {
      throw place.refusal(null, depth > Place.MAX_DEPTH
          ? "is more than " + Place.MAX_DEPTH + " levels deep; use fewer, or $defs and $ref"
          : "is one schema more than the " + MAX_SCHEMAS + " that are supported; use fewer");
    }
    Node rule = grammar.node();
    places.put(rule, place);
    if (place.schema().isBoolean()) {
      return place.schema().booleanValue() ? rule.or(any(types)) : rule;
    }
    int allowed = types & Types.of(place);
    Set<String> assertions = place.assertions();
    for (String keyword : Place.COMBINING) {
      if (place.has(keyword)) {
        for (String other : assertions) {
          if (!other.equals(keyword) && !other.equals("type")) {
            throw place.refusal(keyword, "stands beside \"" + other
                + "\", which is not supported; put all into one of them");
          }
        }
        return combined(keyword, place, allowed, rule, depth);
      }
    }
    assertions.remove("type");
    return rule.or(assertions.isEmpty() ? any(allowed) : limited(place, allowed, depth));
  }

  private Node combined(String keyword, Place place, int types, Node rule, int depth) {
    switch (keyword) {
      case "$ref" -> rule.or(referred(references.target(place), types));
      case "const", "enum" -> constants.add(rule, place.values(keyword), types);
      default -> {
        int size = place.array(keyword, 1).size();
        if (keyword.equals("allOf") && size > 1) {
          throw place.refusal(keyword, "has " + size
              + " schemas, at most 1 is supported; merge them into one");
        }
        if (keyword.equals("oneOf")) {
          references.requireExclusive(place);
        }
        for (int i = 0; i < size; i++) {
          rule.or(rule(place.child(keyword, i), types, depth + 1));
        }
      }
    }
    return rule;
  }

  /** Any value of some types. */
  private Node any(int types) {
    if (types == Types.ALL) {
      return json.value;
    }
    Node rule = simple(types);
    if ((types & Types.STRING) != 0) {
      rule.or(json.string);
    }
    if ((types & Types.NUMBER) != 0) {
      rule.or((types & Types.NUMBER) == Types.INTEGER ? json.integer : json.number);
    }
    if ((types & Types.ARRAY) != 0) {
      rule.or(json.array);
    }
    if ((types & Types.OBJECT) != 0) {
      rule.or(json.object);
    }
    return rule;
  }

  private Node simple(int types) {
    Node rule = grammar.node();
    if ((types & Types.NULL) != 0) {
      rule.or(json.nothing());
    }
    if ((types & Types.BOOLEAN) != 0) {
      rule.or(json.bool());
    }
    return rule;
  }

  /** Values of some types that keywords limit further. */
  private Node limited(Place place, int types, int depth) {
    Node rule = simple(types);
    Node string = string(place);
    Node number = number(place, (types & Types.NUMBER) == Types.INTEGER);
    Node array = array(place, depth);
    Node object = objects.rule(place, depth);
    if ((types & Types.STRING) != 0) {
      rule.or(string);
    }
    if ((types & Types.NUMBER) != 0) {
      rule.or(number);
    }
    if ((types & Types.ARRAY) != 0) {
      rule.or(array);
    }
    if ((types & Types.OBJECT) != 0) {
      rule.or(object);
    }
    return rule;
  }

  private Node string(Place place) {
    int min = place.count("minLength", 0);
    int max = place.count("maxLength", Node.UNLIMITED);
    return min == 0 && max == Node.UNLIMITED ? json.string : json.string(min, max);
  }

  private Node number(Place place, boolean whole) {
    RangeRules.Bound lower = RangeRules.Bound.higher(bound(place, "minimum", false),
        bound(place, "exclusiveMinimum", true));
    RangeRules.@Nullable Bound upper = negated(RangeRules.Bound.higher(
        negated(bound(place, "maximum", false)), negated(bound(place, "exclusiveMaximum", true))));
    if (lower == null && upper == null) {
      return whole ? json.integer : json.number;
    }
    return new RangeRules(grammar, whole).rule(lower, upper);
  }

  private static RangeRules.@Nullable Bound negated(RangeRules.@Nullable Bound bound) {
    return bound == null ? null : bound.negated();
  }

  private static RangeRules.@Nullable Bound bound(Place place, String keyword, boolean exclusive) {
    if (!place.has(keyword)) {
      return null;
    }
    BigDecimal value = Numbers.of(place.checked(keyword, "a number",
        node -> node.isNumber() && Numbers.isFinite(node)));
    int most = JsonRules.MAX_DIGITS;
    if (Numbers.wholeDigits(value) > most) {
      // Beyond all numbers that can be written: it limits nothing if it is far on its own side.
      if (value.signum() > 0 == keyword.endsWith("aximum")) {
        return null;
      }
      throw place.refusal(keyword,
          "has more than " + most + " digits before the point, the most that is supported");
    }
    if (value.scale() > most) {
      throw place.refusal(keyword, "has " + value.scale() + " digits after the point, at most "
          + most + " are supported; round it");
    }
    return new RangeRules.Bound(value, exclusive);
  }

  private Node array(Place place, int depth) {
    int min = place.count("minItems", 0);
    int max = place.count("maxItems", Node.UNLIMITED);
    int firsts = place.has("prefixItems") ? place.array("prefixItems", 1).size() : 0;
    Node rest = json.value;
    if (place.has("items")) {
      if (place.get("items").isArray()) {
        throw place.refusal("items", "is an array, expected a schema; use prefixItems");
      }
      rest = rule(place.child("items"), depth);
    }
    Node close = grammar.literal("]", grammar.end);
    Node at = json.elements(rest, firsts, min, max, close);
    for (int i = firsts - 1; i >= 0; i--) {
      Node element = grammar.call(rule(place.child("prefixItems", i), depth), at);
      at = grammar.node();
      if (i < max) {
        at.or(i == 0 ? element : json.between(',', element));
      }
      if (i >= min && i <= max) {
        at.or(i == 0 ? close : json.space(close));
      }
    }
    return grammar.literal("[", json.space(at));
  }

  /** A schema that refers to itself, without anything in between, says nothing. */
  private void requireGrounded() {
    Node node = Liveness.circular(grammar);
    if (node != null) {
      Place place = places.entrySet().stream()
          .filter(entry -> entry.getKey().equals(node)
              || entry.getKey().epsilons.contains(node))
          .map(Map.Entry::getValue).findFirst().orElse(references.at(""));
      throw place.refusal(null, "refers to itself with nothing in between; remove the reference");
    }
  }

  private void requireSatisfiable() {
    BitSet all = new BitSet();
    all.set(0, 256);
    BitSet live = Liveness.live(grammar, all);
    if (live.get(root.id)) {
      return;
    }
    Place place = places.entrySet().stream().filter(entry -> !live.get(entry.getKey().id))
        .map(Map.Entry::getValue).max(Comparator.comparingInt(one -> one.at().length()))
        .orElse(references.at(""));
    throw place.refusal(null, "fits no value, so nothing fits the whole schema; correct it");
  }
}
