package io.pariskv.constrain;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/** What schemas refer to, and which of them exclude each other. */
final class References {
  /** Comparing alternatives looks at so many pairs of schemas and values at most, and so deep. */
  private static final int MAX_COMPARISONS = 500_000;
  private static final int MAX_DEPTH = 8;

  private final JsonNode root;
  private int comparisons;

  References(JsonNode root) {
    this.root = root;
  }

  /** The schema at a JSON pointer that {@link #target} gave. */
  Place at(String pointer) {
    return new Place(node(pointer), pointer);
  }

  /** Where the {@code $ref} of a schema points to, as a JSON pointer. */
  String target(Place place) {
    String ref = place.checked("$ref", "a text", JsonNode::isString).stringValue();
    if (!ref.equals("#") && !ref.startsWith("#/")) {
      throw place.refusal("$ref", "is " + Place.kind(place.get("$ref"))
          + ", expected a place in this schema such as \"#/$defs/name\"");
    }
    String pointer;
    try {
      // A plus sign means itself in a fragment.
      pointer = URLDecoder.decode(ref.substring(1).replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw place.refusal("$ref", "is no valid reference: " + e.getMessage() + "; correct it");
    }
    if (node(pointer).isMissingNode()) {
      throw place.refusal("$ref",
          "is " + Place.kind(place.get("$ref")) + ", where there is nothing; correct it");
    }
    return pointer;
  }

  private JsonNode node(String pointer) {
    JsonNode node = root;
    String[] names = pointer.split("/", -1);
    for (int i = 1; i < names.length; i++) {
      if (i > 1 && node.path("$id").isString()) {
        return MissingNode.getInstance(); // references mean something else below it
      }
      String name = names[i].replace("~1", "/").replace("~0", "~");
      node = node.isArray() && name.matches("0|[1-9][0-9]{0,8}")
          ? node.path(Integer.parseInt(name))
          : node.path(name);
    }
    return node;
  }

  /** Refuses alternatives of which two may fit the same value. */
  void requireExclusive(Place place) {
    int size = place.get("oneOf").size();
    for (int i = 0; i < size; i++) {
      for (int j = i + 1; j < size; j++) {
        if (!exclusive(place.child("oneOf", i), place.child("oneOf", j), 0)) {
          throw place.refusal("oneOf", "has alternatives " + i + " and " + j
              + ", which may fit the same value; use anyOf");
        }
      }
    }
  }

  /** Whether it is plain that no value fits both. */
  private boolean exclusive(Place first, Place second, int depth) {
    if (++comparisons > MAX_COMPARISONS || depth > MAX_DEPTH) {
      return false;
    }
    Place a = resolved(first);
    Place b = resolved(second);
    if (a == null || b == null) {
      return false;
    }
    List<JsonNode> valuesOfA = values(a);
    List<JsonNode> valuesOfB = values(b);
    comparisons += (valuesOfA == null ? 0 : valuesOfA.size())
        + (valuesOfB == null ? 0 : valuesOfB.size());
    if (valuesOfA != null && valuesOfB != null) {
      Set<Object> ofA = new HashSet<>();
      valuesOfA.forEach(value -> ofA.add(likeness(value)));
      return valuesOfB.stream().noneMatch(value -> ofA.contains(likeness(value)));
    }
    if (valuesOfA != null) {
      return valuesOfA.stream().noneMatch(value -> Types.contain(Types.of(b), value));
    }
    if (valuesOfB != null) {
      return valuesOfB.stream().noneMatch(value -> Types.contain(Types.of(a), value));
    }
    int common = Types.of(a) & Types.of(b);
    return common == 0 || (common == Types.OBJECT && distinguished(a, b, depth));
  }

  /** Whether a property that both require has no value in common. */
  private boolean distinguished(Place a, Place b, int depth) {
    Set<String> common = new HashSet<>(ObjectRules.required(a));
    common.retainAll(ObjectRules.required(b));
    for (Map.Entry<String, JsonNode> property : a.get("properties").properties()) {
      String name = property.getKey();
      if (common.contains(name) && b.get("properties").has(name)
          && exclusive(a.child("properties", name), b.child("properties", name), depth + 1)) {
        return true;
      }
    }
    return false;
  }

  /** The schema that references lead to, null if they lead nowhere soon. */
  private @Nullable Place resolved(Place place) {
    Place at = place;
    for (int i = 0; i < 16; i++) {
      if (!at.has("$ref")) {
        return at;
      }
      at = at(target(at));
    }
    return null;
  }

  private static @Nullable List<JsonNode> values(Place place) {
    return place.has("const")
        ? place.values("const")
        : place.has("enum") ? place.values("enum") : null;
  }

  /** Two values that may be the same have equal ones. */
  private static Object likeness(JsonNode value) {
    return value.isNumber()
        ? Numbers.of(value)
        : value.isContainer() ? value.getNodeType() : value;
  }
}
