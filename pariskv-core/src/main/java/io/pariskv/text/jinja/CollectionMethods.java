package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Arguments.Bound;
import io.pariskv.text.jinja.Value.Dict;
import io.pariskv.text.jinja.Value.Function;
import io.pariskv.text.jinja.Value.Int;
import io.pariskv.text.jinja.Value.None;
import io.pariskv.text.jinja.Value.Seq;
import io.pariskv.text.jinja.Value.Undefined;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The methods of dicts and sequences that do not change them.
 *
 * <p>Those that do ({@code append}, {@code update}, ...) are undefined, as in the sandbox of transformers.
 */
final class CollectionMethods {
  private static final Set<String> DICT_CHANGES = Set.of("clear", "pop", "popitem", "setdefault",
      "update");
  private static final Set<String> LIST_CHANGES = Set.of("append", "clear", "extend", "insert",
      "pop", "remove",
      "reverse", "sort");
  /** What Python has on other values and this package does not, dicts and lists included. */
  private static final Set<String> UNSUPPORTED = Set.of("copy", "fromkeys", "isdisjoint", "mapping",
      "real", "imag",
      "numerator", "denominator", "conjugate", "bit_length", "bit_count", "to_bytes", "from_bytes",
      "as_integer_ratio",
      "is_integer", "hex", "fromhex", "arguments", "catch_kwargs", "catch_varargs", "caller",
      "explicit_caller", "send",
      "throw", "close");

  private CollectionMethods() {
  }

  /** The method bound to {@code self}, or null if it has none of that name. */
  static @Nullable Value find(Value self, String name, Budget budget) {
    return switch (self) {
      case Dict d -> DICT_CHANGES.contains(name) ? changes(self, name) : dict(d, name, budget);
      case Seq s when s.kind() == Seq.Kind.LIST && LIST_CHANGES.contains(name) ->
        changes(self, name);
      case Seq s when s.kind().isIndexed() -> sequence(s, name, budget);
      case Function f when name.equals("name") -> throw unsupported(self, name);
      case Value.Markup m -> throw unsupported(self, name);
      case None n -> null;
      default -> refused(self, name);
    };
  }

  private static @Nullable Value refused(Value self, String name) {
    if (UNSUPPORTED.contains(name)) {
      throw unsupported(self, name);
    }
    return null;
  }

  private static Problem unsupported(Value self, String name) {
    return new Problem("'" + name + "' of a " + self.typeName() + " is not supported");
  }

  private static Undefined changes(Value self, String name) {
    return new Undefined("'" + name + "' would change a " + self.typeName()
        + ", which the sandbox of chat templates forbids; build a new one with '+' and keep it in a namespace");
  }

  private static @Nullable Value dict(Dict self, String name, Budget budget) {
    return switch (name) {
      case "get" -> new Function("dict.get", arguments -> {
        Bound args = arguments.bind("dict.get", 1, "key", "default");
        Value key = args.get(0);
        Value found = key instanceof Undefined ? null : self.entries().get(Operators.key(key));
        return found != null ? found : args.get(1, None.NONE);
      });
      case "keys" -> new Function("dict.keys", arguments -> {
        arguments.bind("dict.keys", 0);
        return budget.sequence(Seq.Kind.KEYS, List.copyOf(self.entries().keySet()));
      });
      case "values" -> new Function("dict.values", arguments -> {
        arguments.bind("dict.values", 0);
        return budget.sequence(Seq.Kind.VALUES, List.copyOf(self.entries().values()));
      });
      case "items" -> new Function("dict.items", arguments -> {
        arguments.bind("dict.items", 0);
        return budget.sequence(Seq.Kind.ITEMS, pairs(self, budget));
      });
      case "copy", "fromkeys" -> throw unsupported(self, name);
      default -> null;
    };
  }

  /** The entries as tuples {@code (key, value)}. */
  static List<Value> pairs(Dict dict, Budget budget) {
    budget.newValues(dict.entries().size());
    List<Value> pairs = new ArrayList<>(dict.entries().size());
    dict.entries().forEach((key, value) -> pairs.add(budget.tuple(key, value)));
    return pairs;
  }

  private static @Nullable Value sequence(Seq self, String name, Budget budget) {
    if (self.kind() == Seq.Kind.RANGE && Set.of("start", "stop", "step").contains(name)) {
      throw unsupported(self, name);
    }
    return switch (name) {
      case "count" -> new Function("list.count", arguments -> {
        Value wanted = arguments.bind("count", 1, "value").get(0);
        return new Int(self.items().stream()
            .filter(i -> Operators.identicalOrEqual(i, wanted, budget)).count());
      });
      case "index" -> new Function("list.index", arguments -> {
        Value wanted = arguments.bind("index", 1, "value").get(0);
        for (int i = 0; i < self.items().size(); i++) {
          if (Operators.identicalOrEqual(self.items().get(i), wanted, budget)) {
            return new Int(i);
          }
        }
        throw new Problem("the value is not in the list; test with 'in' before calling index");
      });
      default -> refused(self, name);
    };
  }
}
