package io.pariskv.constrain;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A schema, and values that fit it.
 *
 * @param values makes one, missing if it finds none
 */
record RandomSchema(JsonNode schema, Function<Random, JsonNode> values) {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final List<String> NAMES = List.of("a", "ab", "name", "na\"me", "ä", "b", "kind",
      "\n", "\uD83D\uDE00x", "abc", "");
  private static final String CHARACTERS = "ab\"\\/ \n\t\u0000\u001F\u007Fäü你\u2028{}[],:10";

  static RandomSchema of(Random random) {
    return of(random, 3);
  }

  JsonNode value(Random random) {
    return values.apply(random);
  }

  private static RandomSchema of(Random random, int depth) {
    return switch (random.nextInt(depth == 0 ? 4 : 7)) {
      case 0 -> string(random);
      case 1 -> integer(random);
      case 2 -> listed(random);
      case 3 -> random.nextInt(3) == 0 ? anything() : simple(random);
      case 4 -> array(random, depth - 1);
      case 5 -> object(random, depth - 1);
      default -> union(random, depth - 1);
    };
  }

  private static RandomSchema anything() {
    return new RandomSchema(JSON.objectNode(), random -> of(random, 1).value(random));
  }

  private static RandomSchema simple(Random random) {
    return random.nextBoolean()
        ? new RandomSchema(JSON.objectNode().put("type", "boolean"),
            r -> JSON.booleanNode(r.nextBoolean()))
        : new RandomSchema(JSON.objectNode().put("type", "null"), _ -> JSON.nullNode());
  }

  private static RandomSchema string(Random random) {
    int min = random.nextInt(3);
    int max = min + random.nextInt(4);
    ObjectNode schema = JSON.objectNode().put("type", "string").put("maxLength", max);
    if (min > 0) {
      schema.put("minLength", min);
    }
    return new RandomSchema(schema,
        r -> JSON.stringNode(text(r, min + r.nextInt(max - min + 1))));
  }

  private static String text(Random random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      int k = random.nextInt(CHARACTERS.length() + 1);
      text.append(k < CHARACTERS.length() ? CHARACTERS.substring(k, k + 1) : "\uD83D\uDE00");
    }
    return text.toString();
  }

  private static RandomSchema integer(Random random) {
    int from = random.nextInt(-500, 500);
    int to = from + random.nextInt(200);
    // Not whole, since the judge cannot compare whole bounds with large numbers.
    ObjectNode schema = JSON.objectNode().put("type", "integer").put("minimum", from - 0.5)
        .put(random.nextBoolean() ? "exclusiveMaximum" : "maximum", to + 0.5);
    return new RandomSchema(schema, r -> JSON.numberNode(r.nextInt(from, to + 1)));
  }

  private static RandomSchema listed(Random random) {
    List<JsonNode> values = new ArrayList<>();
    for (int i = random.nextInt(4); i >= 0; i--) {
      values.add(random.nextBoolean()
          ? JSON.stringNode(text(random, random.nextInt(4)))
          : random.nextBoolean()
              ? JSON.arrayNode().add(random.nextInt(20)).add(true)
              : JSON.numberNode(random.nextInt(20) / 2.0));
    }
    ObjectNode schema = JSON.objectNode();
    schema.putArray("enum").addAll(values);
    return new RandomSchema(schema, r -> values.get(r.nextInt(values.size())));
  }

  private static RandomSchema array(Random random, int depth) {
    List<RandomSchema> firsts = new ArrayList<>();
    for (int i = random.nextInt(3); i > 0; i--) {
      firsts.add(of(random, depth));
    }
    RandomSchema rest = of(random, depth);
    int min = random.nextInt(3);
    int max = min + random.nextInt(3);
    ObjectNode schema = JSON.objectNode().put("type", "array").put("minItems", min)
        .put("maxItems", max);
    schema.set("items", rest.schema);
    if (!firsts.isEmpty()) {
      ArrayNode prefix = schema.putArray("prefixItems");
      firsts.forEach(first -> prefix.add(first.schema));
    }
    return new RandomSchema(schema, r -> {
      ArrayNode array = JSON.arrayNode();
      for (int i = min + r.nextInt(max - min + 1); i > 0; i--) {
        JsonNode element = (array.size() < firsts.size() ? firsts.get(array.size()) : rest)
            .value(r);
        if (element.isMissingNode()) {
          return element;
        }
        array.add(element);
      }
      return array;
    });
  }

  private static RandomSchema object(Random random, int depth) {
    ObjectNode schema = JSON.objectNode().put("type", "object");
    ObjectNode properties = schema.putObject("properties");
    ArrayNode required = schema.putArray("required");
    List<String> names = new ArrayList<>(NAMES);
    List<RandomSchema> values = new ArrayList<>();
    for (int i = random.nextInt(4); i > 0; i--) {
      String name = names.remove(random.nextInt(names.size()));
      values.add(of(random, depth));
      properties.set(name, values.getLast().schema);
      if (random.nextBoolean()) {
        required.add(name);
      }
    }
    RandomSchema others = of(random, depth);
    boolean open = random.nextBoolean();
    schema.set("additionalProperties", open ? others.schema : JSON.booleanNode(false));
    List<String> declared = List.copyOf(properties.propertyNames());
    return new RandomSchema(schema, r -> {
      ObjectNode object = JSON.objectNode();
      for (int i = 0; i < declared.size(); i++) {
        String name = declared.get(i);
        JsonNode value = values.get(i).value(r);
        boolean must = required.values().stream().anyMatch(one -> one.stringValue().equals(name));
        if (value.isMissingNode() && must) {
          return value;
        }
        if (!value.isMissingNode() && (must || r.nextBoolean())) {
          object.set(name, value);
        }
      }
      JsonNode other = others.value(r);
      // Names that need escapes are for objects that declare none.
      if (open && r.nextBoolean() && !other.isMissingNode()) {
        object.set(declared.contains("abc") ? "abcd" : "abc", other);
      }
      return object;
    });
  }

  private static RandomSchema union(Random random, int depth) {
    List<RandomSchema> parts = new ArrayList<>();
    ObjectNode schema = JSON.objectNode();
    ArrayNode any = schema.putArray("anyOf");
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      parts.add(of(random, depth));
      any.add(parts.getLast().schema);
    }
    if (random.nextInt(3) == 0) {
      schema.putObject("$defs").set("x", parts.getFirst().schema);
    }
    return new RandomSchema(schema, r -> parts.get(r.nextInt(parts.size())).value(r));
  }
}
