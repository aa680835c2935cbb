package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Arguments.Bound;
import io.pariskv.text.jinja.Filters.Filter;
import io.pariskv.text.jinja.Value.Int;
import io.pariskv.text.jinja.Value.Str;
import io.pariskv.text.jinja.Value.Undefined;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Filters that give text. What is not a string is taken as it prints. */
final class TextFilters {
  static final Map<String, Filter> FILTERS = Map.ofEntries(Map.entry("trim", TextFilters::trim),
      Map.entry("upper", changing("upper", PythonText::upper)),
      Map.entry("lower", changing("lower", PythonText::lower)),
      Map.entry("capitalize", changing("capitalize", PythonText::capitalize)),
      Map.entry("title", changing("title", TextFilters::title)),
      Map.entry("string", changing("string", s -> s)),
      Map.entry("replace", TextFilters::replace), Map.entry("indent", TextFilters::indent),
      Map.entry("wordcount", TextFilters::wordCount), Map.entry("tojson", JsonWriter::tojson),
      Map.entry("format", TextFilters::format), Map.entry("safe", TextFilters::safe),
      Map.entry("escape", TextFilters::escape), Map.entry("e", TextFilters::escape));

  private TextFilters() {
  }

  private static Filter changing(String name, UnaryOperator<String> change) {
    return (input, arguments, budget) -> {
      arguments.bind(name, 0);
      return budget.text(change.apply(Printer.str(input, budget)));
    };
  }

  private static Value trim(Value input, Arguments arguments, Budget budget) {
    String text = Printer.str(input, budget);
    String chars = arguments.bind("trim", 0, "chars").textOrNull(0);
    if (chars != null) {
      budget.searching(text, chars);
    }
    return budget.text(PythonText.strip(text, chars, true, true));
  }

  /** Capitals after white space, {@code -} and opening brackets; unlike {@code str.title}, not after apostrophes. */
  private static String title(String text) {
    StringBuilder out = new StringBuilder(text.length());
    int from = 0;
    for (int i = 0; i <= text.length(); i++) {
      if (i == text.length() || PythonText.isSpace(text.charAt(i))
          || "-({[<".indexOf(text.charAt(i)) >= 0) {
        if (i > from) {
          int rest = text.offsetByCodePoints(from, 1);
          out.append(PythonText.upper(text.substring(from, rest)))
              .append(PythonText.lower(text.substring(rest, i)));
        }
        out.append(text, i, Math.min(i + 1, text.length()));
        from = i + 1;
      }
    }
    return out.toString();
  }

  private static Value replace(Value input, Arguments arguments, Budget budget) {
    Bound args = arguments.bind("replace", 2, "old", "new", "count");
    String old = Printer.str(args.get(0), budget);
    String replacement = Printer.str(args.get(1), budget);
    long count = args.orNull(2) == null ? -1 : args.integer(2, -1);
    return StringMethods.replace(Printer.str(input, budget), old, replacement, count, budget);
  }

  private static Value indent(Value input, Arguments arguments, Budget budget) {
    Bound args = arguments.bind("indent", 0, "width", "first", "blank");
    if (!(input instanceof Str s)) {
      throw input instanceof Undefined u
          ? u.problem()
          : new Problem("indent needs a string, but got " + input.typeName());
    }
    String indent = indentation(args.get(0, new Int(4)), budget);
    List<String> lines = PythonText.lines(s.text() + "\n", false);
    BoundedText out = new BoundedText(budget).append(args.flag(1) ? indent : "");
    for (int i = 0; i < lines.size(); i++) {
      budget.newValues(1);
      String line = lines.get(i);
      out.append(i == 0 ? "" : "\n")
          .append(i > 0 && (args.flag(2) || !line.isEmpty()) ? indent : "").append(line);
    }
    return out.finish();
  }

  private static String indentation(Value width, Budget budget) {
    if (width instanceof Str s) {
      return s.text();
    }
    long spaces = Math.max(0, Operators.index(width, "indent argument 'width'"));
    budget.characters(0, spaces);
    return " ".repeat((int) spaces);
  }

  private static Value wordCount(Value input, Arguments arguments, Budget budget) {
    arguments.bind("wordcount", 0);
    String text = Printer.str(input, budget);
    budget.reading(text.length());
    long words = 0;
    boolean inWord = false;
    for (int i = 0; i < text.length();) {
      int c = text.codePointAt(i);
      boolean wordPart = c == '_' || Character.isLetterOrDigit(c)
          || Character.getType(c) == Character.LETTER_NUMBER
          || Character.getType(c) == Character.OTHER_NUMBER;
      words += wordPart && !inWord ? 1 : 0;
      inWord = wordPart;
      i += Character.charCount(c);
    }
    return new Int(words);
  }

  private static Value format(Value input, Arguments arguments, Budget budget) {
    if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
      throw new Problem("format takes positional or named arguments, not both");
    }
    Value values = arguments.named().isEmpty()
        ? budget.sequence(Value.Seq.Kind.TUPLE, arguments.positional())
        : Globals.dictOf(arguments.named(), budget);
    return PrintfFormat.format(Printer.str(input, budget), values, budget);
  }

  private static Value safe(Value input, Arguments arguments, Budget budget) {
    arguments.bind("safe", 0);
    return new Value.Markup(Printer.str(input, budget));
  }

  private static Value escape(Value input, Arguments arguments, Budget budget) {
    arguments.bind("escape", 0);
    String text = Printer.str(input, budget);
    BoundedText out = new BoundedText(budget);
    int from = 0;
    for (int i = 0; i < text.length(); i++) {
      String entity = entity(text.charAt(i));
      if (entity != null) {
        out.append(text, from, i).append(entity);
        from = i + 1;
      }
    }
    return new Value.Markup(out.append(text, from, text.length()).toString());
  }

  private static @Nullable String entity(char c) {
    return switch (c) {
      case '&' -> "&amp;";
      case '<' -> "&lt;";
      case '>' -> "&gt;";
      case '\'' -> "&#39;";
      case '"' -> "&#34;";
      default -> null;
    };
  }
}
