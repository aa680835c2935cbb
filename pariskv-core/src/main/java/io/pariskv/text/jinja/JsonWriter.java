package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Arguments.Bound;
import io.pariskv.text.jinja.Value.Dict;
import io.pariskv.text.jinja.Value.Scalar;
import io.pariskv.text.jinja.Value.Seq;
import io.pariskv.text.jinja.Value.Str;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code tojson} as transformers defines it: Python's {@code json.dumps} with {@code ensure_ascii=False}. */
final class JsonWriter {
  private final BoundedText out;
  private final boolean ascii;
  private final @Nullable String indent;
  private final String itemSeparator;
  private final String keySeparator;
  private final boolean sorted;

  private JsonWriter(BoundedText out, boolean ascii, @Nullable String indent,
      List<String> separators, boolean sorted) {
    this.out = out;
    this.ascii = ascii;
    this.indent = indent;
    this.itemSeparator = separators.get(0);
    this.keySeparator = separators.get(1);
    this.sorted = sorted;
  }

  static Value tojson(Value value, Arguments arguments, Budget budget) {
    Bound args = arguments.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
    BoundedText out = new BoundedText(budget);
    String indent = indent(args.orNull(1), budget);
    List<String> separators = separators(args.orNull(2), indent != null);
    new JsonWriter(out, args.flag(0), indent, separators, args.flag(3)).write(value, 0);
    return out.finish();
  }

  private static @Nullable String indent(@Nullable Value indent, Budget budget) {
    if (indent == null || indent instanceof Str) {
      return indent instanceof Str s ? s.text() : null;
    }
    long width = Math.max(0, Operators.index(indent, "tojson argument 'indent'"));
    budget.characters(0, width);
    return " ".repeat((int) width);
  }

  private static List<String> separators(@Nullable Value pair, boolean indented) {
    if (pair == null) {
      return List.of(indented ? "," : ", ", ": ");
    }
    if (pair instanceof Seq s && s.items().size() == 2 && s.items().get(0) instanceof Str item
        && s.items().get(1) instanceof Str key) {
      return List.of(item.text(), key.text());
    }
    throw new Problem("tojson argument 'separators' must be two strings, for example (',', ':')");
  }

  private void write(Value value, int depth) {
    out.budget().steps(1);
    switch (value) {
      case Str s -> string(s.text());
      case Scalar s -> out.append(scalar(s));
      case Seq s when s.kind() == Seq.Kind.LIST || s.kind() == Seq.Kind.TUPLE -> {
        out.append('[');
        Iterator<Value> items = s.items().iterator();
        while (items.hasNext()) {
          newLine(depth + 1);
          write(items.next(), depth + 1);
          out.append(items.hasNext() ? itemSeparator : "");
        }
        close(s.items().isEmpty(), depth, ']');
      }
      case Dict d -> {
        out.append('{');
        Iterator<Map.Entry<Scalar, Value>> entries = entries(d).iterator();
        while (entries.hasNext()) {
          Map.Entry<Scalar, Value> entry = entries.next();
          newLine(depth + 1);
          string(entry.getKey() instanceof Str s ? s.text() : scalar(entry.getKey()));
          out.append(keySeparator);
          write(entry.getValue(), depth + 1);
          out.append(entries.hasNext() ? itemSeparator : "");
        }
        close(d.entries().isEmpty(), depth, '}');
      }
      case Value.Undefined u ->
        throw new Problem("tojson cannot write an undefined value: " + u.why());
      default -> throw new Problem(
          "tojson cannot write a " + value.typeName() + "; put '|list' before '|tojson'");
    }
  }

  private List<Map.Entry<Scalar, Value>> entries(Dict dict) {
    List<Map.Entry<Scalar, Value>> entries = new ArrayList<>(dict.entries().entrySet());
    if (sorted) {
      Ordering.sort(entries, Map.Entry::getKey, false, out.budget());
    }
    return entries;
  }

  private void close(boolean empty, int depth, char bracket) {
    if (!empty) {
      newLine(depth);
    }
    out.append(bracket);
  }

  private void newLine(int depth) {
    if (indent != null) {
      out.append('\n');
      for (int i = 0; i < depth; i++) {
        out.append(indent);
      }
    }
  }

  private static String scalar(Scalar value) {
    return switch (value) {
      case Str s -> s.text();
      case Value.Int i -> Long.toString(i.value());
      case Value.Bool b -> b.value() ? "true" : "false";
      case Value.None n -> "null";
      case Value.Flt f -> Double.isNaN(f.value())
          ? "NaN"
          : Double.isInfinite(f.value())
              ? f.value() > 0 ? "Infinity" : "-Infinity"
              : Printer.real(f.value());
    };
  }

  private void string(String text) {
    out.append('"');
    int from = 0;
    for (int i = 0; i < text.length(); i++) {
      String escape = escape(text.charAt(i));
      if (escape != null) {
        out.append(text, from, i).append(escape);
        from = i + 1;
      }
    }
    out.append(text, from, text.length()).append('"');
  }

  private @Nullable String escape(char c) {
    return switch (c) {
      case '"' -> "\\\"";
      case '\\' -> "\\\\";
      case '\n' -> "\\n";
      case '\r' -> "\\r";
      case '\t' -> "\\t";
      case '\b' -> "\\b";
      case '\f' -> "\\f";
      default -> c < ' ' || (ascii && c > '~') ? "\\u%04x".formatted((int) c) : null;
    };
  }
}
