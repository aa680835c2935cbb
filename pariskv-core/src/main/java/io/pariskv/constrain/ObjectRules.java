package io.pariskv.constrain;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The rules of objects: declared properties in their order, then those that are required only, then others. */
final class ObjectRules {
  private final Grammar grammar;
  private final JsonRules json;
  private final SchemaRules schemas;
  /** In a name that is none of those declared, and within a character of it. */
  private final Node free;
  private final Node[] within;

  ObjectRules(Grammar grammar, JsonRules json, SchemaRules schemas) {
    this.grammar = grammar;
    this.json = json;
    this.schemas = schemas;
    this.free = grammar.node();
    grammar.character(free, JsonRules.unescaped(free), free);
    free.on("\"", grammar.end);
    this.within = grammar.within(free);
  }

  /** A property that has a place in the order. */
  private record Property(String name, Node value, boolean required) {
  }

  Node rule(Place place, int depth) {
    JsonNode declared = place.has("properties")
        ? place.checked("properties", "an object", JsonNode::isObject)
        : place.get("properties");
    Set<String> required = required(place);
    Node others = place.has("additionalProperties")
        ? schemas.rule(place.child("additionalProperties"), depth)
        : json.value;
    List<Property> properties = new ArrayList<>();
    for (String name : declared.propertyNames()) {
      place.unicode("properties", name);
      properties.add(new Property(name, schemas.rule(place.child("properties", name), depth),
          required.remove(name)));
    }
    for (String name : required) {
      properties.add(new Property(name, others, true));
    }
    return members(properties, others);
  }

  /** The names under {@code required}, in their order. */
  static Set<String> required(Place place) {
    Set<String> names = new LinkedHashSet<>();
    if (place.has("required")) {
      for (JsonNode name : place.array("required", 0)) {
        if (!name.isString()) {
          throw place.refusal("required", "has " + Place.kind(name) + ", expected names");
        }
        names.add(place.unicode("required", name.stringValue()));
      }
    }
    return names;
  }

  /*
   * Before property i there is a choice: that one or, if it may be left out, what there is before property i + 1. So a long list of
   * optional properties has as many places as properties, and after one of them any later one may come.
   */
  private Node members(List<Property> properties, Node others) {
    Node close = grammar.literal("}", grammar.end);
    Node name = properties.isEmpty()
        ? json.string
        : otherNames(properties.stream().map(Property::name).toList());
    Node afterOther = grammar.node();
    Node names = grammar.call(name, value(others, afterOther));
    afterOther.or(json.space(close)).or(json.between(',', names));
    Node after = afterOther;
    boolean mayEnd = true;
    for (Property property : properties.reversed()) {
      Node own = grammar.literal(Constants.quoted(property.name()),
          value(property.value(), after));
      names = property.required() ? own : grammar.choice(own, names);
      mayEnd &= !property.required();
      after = grammar.choice(json.between(',', names));
      if (mayEnd) {
        after.or(json.space(close));
      }
    }
    return grammar.literal("{",
        json.space(mayEnd ? grammar.choice(names, close) : names));
  }

  private Node value(Node rule, Node next) {
    return json.between(':', grammar.call(rule, next));
  }

  /** Names that begin alike, and the place after what they have in common. */
  private record Beginning(List<byte[]> names, int length, int state, Node place) {
  }

  /** Any name but these, without escapes: through the tree of these names, and out of it. */
  private Node otherNames(List<String> declared) {
    // A name that needs escapes is none of those without.
    List<byte[]> names = declared.stream()
        .filter(name -> Constants.quoted(name).length() == name.length() + 2)
        .map(name -> name.getBytes(StandardCharsets.UTF_8)).toList();
    Node root = grammar.node();
    Deque<Beginning> work = new ArrayDeque<>(List.of(new Beginning(names, 0, 0, root)));
    while (!work.isEmpty()) {
      Beginning beginning = work.remove();
      leave(beginning, follow(beginning, work));
    }
    return grammar.literal("\"", root);
  }

  /** The places after each byte that goes on with some of the names. */
  private @Nullable Node[] follow(Beginning beginning, Deque<Beginning> work) {
    Map<Integer, List<byte[]>> longer = new TreeMap<>();
    for (byte[] name : beginning.names) {
      if (name.length > beginning.length) {
        longer.computeIfAbsent(name[beginning.length] & 0xFF, _ -> new ArrayList<>()).add(name);
      }
    }
    @Nullable
    Node[] targets = new Node[256];
    longer.forEach((b, names) -> {
      Node place = grammar.node();
      targets[b] = place;
      work.add(new Beginning(names, beginning.length + 1, Utf8.next(beginning.state, b), place));
    });
    return targets;
  }

  private void leave(Beginning beginning, @Nullable Node[] targets) {
    @Nullable
    Node[] unescaped = JsonRules.unescaped(free);
    for (int b = 0; b < 256; b++) {
      int next = Utf8.next(beginning.state, b);
      if (targets[b] == null && next >= 0) {
        targets[b] = b < 0x80 ? unescaped[b] : within[next];
      }
    }
    boolean isName = beginning.names.stream().anyMatch(name -> name.length == beginning.length);
    if (beginning.state == 0 && !isName) {
      targets['"'] = grammar.end;
    }
    beginning.place.on(targets);
  }
}
