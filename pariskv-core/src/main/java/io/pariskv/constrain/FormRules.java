package io.pariskv.constrain;

import io.pariskv.error.InputException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Makes the rules of a form. */
final class FormRules {
  private final Grammar grammar;
  private final JsonRules json;
  /** One schema may be in several parts of a form. */
  private final IdentityHashMap<JsonNode, Node> schemas = new IdentityHashMap<>();

  FormRules(Grammar grammar) {
    this.grammar = grammar;
    this.json = new JsonRules(grammar);
  }

  /** The form, then on. */
  Node form(Form form, Node next) {
    return switch (form) {
      case Form.Literal(String text) -> grammar.literal(bytes(text, "a literal"), next);
      case Form.AnyObject() -> grammar.call(json.object, next);
      case Form.Json(JsonNode schema) -> grammar.call(schema(schema), next);
      case Form.Until(String end) -> until(bytes(end, "the end of a text"), next);
      case Form.Sequence(List<Form> parts) -> {
        Node at = next;
        for (Form part : parts.reversed()) {
          at = form(part, at);
        }
        yield at;
      }
      case Form.Choice(List<Form> parts) -> {
        if (parts.isEmpty()) {
          throw new InputException("a choice of forms has 0 parts, expected at least 1; add one");
        }
        yield grammar.choice(parts.stream().map(part -> form(part, next)).toArray(Node[]::new));
      }
    };
  }

  private Node schema(JsonNode schema) {
    Node known = schemas.get(schema);
    if (known == null) {
      known = new SchemaRules(grammar, json, schema).root();
      schemas.put(schema, known);
    }
    return known;
  }

  private static byte[] bytes(String text, String what) {
    if (text.isEmpty() || !StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw new InputException(what + " of an answer's form is "
          + (text.isEmpty() ? "empty; leave it out" : "not valid Unicode; correct it"));
    }
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Knuth, Morris and Pratt's automaton, in step with that of UTF-8. */
  private Node until(byte[] end, Node next) {
    int[][] matched = matching(end);
    Map<Within, Node> places = new HashMap<>();
    Deque<Within> work = new ArrayDeque<>(List.of(new Within(0, 0)));
    Node start = grammar.node();
    places.put(work.getFirst(), start);
    while (!work.isEmpty()) {
      Within within = work.remove();
      @Nullable
      Node[] targets = new Node[256];
      for (int b = 0; b < 256; b++) {
        int state = Utf8.next(within.state, b);
        int match = matched[within.matched][b];
        if (state >= 0) {
          targets[b] = match == end.length
              ? next
              : places.computeIfAbsent(new Within(match, state), then -> {
                work.add(then);
                return grammar.node();
              });
        }
      }
      Objects.requireNonNull(places.get(within)).on(targets);
    }
    return start;
  }

  /** A place in a text: how many bytes of its end were read, and where in a character it is. */
  private record Within(int matched, int state) {
  }

  /** {@code [end.length][256]} how many bytes of the end have been read after another byte. */
  private static int[][] matching(byte[] end) {
    int[][] matched = new int[end.length][];
    int border = 0;
    for (int n = 0; n < end.length; n++) {
      matched[n] = n == 0 ? new int[256] : Arrays.copyOf(matched[border], 256);
      int b = end[n] & 0xFF;
      int before = matched[n][b];
      matched[n][b] = n + 1;
      border = n == 0 ? 0 : before;
    }
    return matched;
  }
}
