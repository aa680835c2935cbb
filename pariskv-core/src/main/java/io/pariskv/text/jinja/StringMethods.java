package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Arguments.Bound;
import io.pariskv.text.jinja.Value.Function;
import io.pariskv.text.jinja.Value.Int;
import io.pariskv.text.jinja.Value.Seq;
import io.pariskv.text.jinja.Value.Str;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The methods of strings; those Python has and this package does not are refused by name. */
final class StringMethods {

  private interface Method {
    Value call(String self, Arguments arguments, Budget budget);
  }

  private static final Map<String, Method> METHODS = Map.ofEntries(
      Map.entry("strip", stripping("strip", true, true)),
      Map.entry("lstrip", stripping("lstrip", true, false)),
      Map.entry("rstrip", stripping("rstrip", false, true)),
      Map.entry("split", (s, a, b) -> split(s, a.bind("split", 0, "sep", "maxsplit"), false, b)),
      Map.entry("rsplit", (s, a, b) -> split(s, a.bind("rsplit", 0, "sep", "maxsplit"), true, b)),
      Map.entry("splitlines",
          (s, a, b) -> strings(PythonText.lines(s, a.bind("splitlines", 0, "keepends").flag(0)),
              b)),
      Map.entry("startswith",
          (s, a, b) -> affix(a.bind("startswith", 1, "prefix").get(0), s::startsWith, b)),
      Map.entry("endswith",
          (s, a, b) -> affix(a.bind("endswith", 1, "suffix").get(0), s::endsWith, b)),
      Map.entry("upper", changing("upper", PythonText::upper)),
      Map.entry("lower", changing("lower", PythonText::lower)),
      Map.entry("title", changing("title", PythonText::title)),
      Map.entry("capitalize", changing("capitalize", PythonText::capitalize)),
      Map.entry("replace", (s, a, b) -> {
        Bound args = a.bind("replace", 2, "old", "new", "count");
        return replace(s, args.text(0), args.text(1), args.integer(2, -1), b);
      }), Map.entry("find", (s, a, b) -> find(s, a.bind("find", 1, "sub").text(0), false, b)),
      Map.entry("rfind", (s, a, b) -> find(s, a.bind("rfind", 1, "sub").text(0), true, b)),
      Map.entry("count", (s, a, b) -> new Int(count(s, a.bind("count", 1, "sub").text(0), b))),
      Map.entry("join", (s, a, b) -> join(s, a.bind("join", 1, "iterable").get(0), b)),
      Map.entry("removeprefix", (s, a, b) -> {
        String prefix = a.bind("removeprefix", 1, "prefix").text(0);
        return s.startsWith(prefix) ? b.text(s.substring(prefix.length())) : new Str(s);
      }), Map.entry("removesuffix", (s, a, b) -> {
        String suffix = a.bind("removesuffix", 1, "suffix").text(0);
        return s.endsWith(suffix)
            ? b.text(s.substring(0, s.length() - suffix.length()))
            : new Str(s);
      }), Map.entry("format", (s, a, b) -> BraceFormat.format(s, a, b)),
      Map.entry("isdigit", all("isdigit", StringMethods::isDigit)),
      Map.entry("isalpha", all("isalpha", Character::isLetter)),
      Map.entry("isspace", all("isspace", PythonText::isSpace)), Map.entry("islower", (s, a, b) -> {
        a.bind("islower", 0);
        return Value.Bool.of(PythonText.isAll(s, false));
      }), Map.entry("isupper", (s, a, b) -> {
        a.bind("isupper", 0);
        return Value.Bool.of(PythonText.isAll(s, true));
      }));

  private static final Set<String> UNSUPPORTED = Set.of("casefold", "center", "encode",
      "expandtabs", "format_map",
      "index", "isalnum", "isascii", "isdecimal", "isidentifier", "isnumeric", "isprintable",
      "istitle", "ljust",
      "maketrans", "partition", "rindex", "rjust", "rpartition", "swapcase", "translate", "zfill");

  private StringMethods() {
  }

  /** The method bound to {@code self}, or null if strings have none of that name. */
  static @Nullable Value find(Str self, String name, Budget budget) {
    Method method = METHODS.get(name);
    if (method != null) {
      return new Function("str." + name, arguments -> {
        budget.reading(self.text().length());
        return method.call(self.text(), arguments, budget);
      });
    }
    if (UNSUPPORTED.contains(name)) {
      throw new Problem("the string method '" + name + "' is not supported");
    }
    return null;
  }

  private static Method stripping(String name, boolean left, boolean right) {
    return (self, arguments, budget) -> {
      String chars = arguments.bind(name, 0, "chars").textOrNull(0);
      if (chars != null) {
        budget.searching(self, chars);
      }
      return budget.text(PythonText.strip(self, chars, left, right));
    };
  }

  private static Method changing(String name, UnaryOperator<String> change) {
    return (self, arguments, budget) -> {
      arguments.bind(name, 0);
      return budget.text(change.apply(self));
    };
  }

  private static Method all(String name, IntPredicate predicate) {
    return (self, arguments, budget) -> {
      arguments.bind(name, 0);
      return Value.Bool.of(!self.isEmpty() && self.codePoints().allMatch(predicate));
    };
  }

  /** Decimal digits of any script, and raised and lowered ones. */
  static boolean isDigit(int c) {
    return Character.isDigit(c) || c == 0xb2 || c == 0xb3 || c == 0xb9 || c == 0x2070
        || (c >= 0x2074 && c <= 0x2079)
        || (c >= 0x2080 && c <= 0x2089);
  }

  private static Value affix(Value affix, Predicate<String> holds, Budget budget) {
    List<Value> affixes = affix instanceof Seq s && s.kind() == Seq.Kind.TUPLE
        ? s.items()
        : List.of(affix);
    boolean found = false;
    for (Value candidate : affixes) {
      if (!(candidate instanceof Str s)) {
        throw new Problem("startswith and endswith need a string or a tuple of strings, but got "
            + candidate.typeName());
      }
      budget.reading(s.text().length());
      found |= holds.test(s.text());
    }
    return Value.Bool.of(found);
  }

  private static Value split(String self, Bound args, boolean fromRight, Budget budget) {
    String separator = args.textOrNull(0);
    long max = args.integer(1, -1);
    if (separator == null) {
      return strings(
          fromRight ? PythonText.splitSpaceFromRight(self, max) : PythonText.splitSpace(self, max),
          budget);
    }
    if (separator.isEmpty()) {
      throw new Problem("the separator of split must not be empty");
    }
    budget.searching(self, separator);
    List<String> parts = new ArrayList<>();
    int from = 0;
    int to = self.length();
    int cut = fromRight ? self.lastIndexOf(separator) : self.indexOf(separator);
    while (cut >= 0 && (max < 0 || parts.size() < max)) {
      budget.newValues(1);
      if (fromRight) {
        parts.add(self.substring(cut + separator.length(), to));
        to = cut;
        cut = cut < separator.length() ? -1 : self.lastIndexOf(separator, cut - separator.length());
      } else {
        parts.add(self.substring(from, cut));
        from = cut + separator.length();
        cut = self.indexOf(separator, from);
      }
    }
    parts.add(self.substring(from, to));
    return strings(fromRight ? parts.reversed() : parts, budget);
  }

  /** A list of the strings, counted. */
  static Seq strings(List<String> parts, Budget budget) {
    budget.newValues(parts.size());
    List<Value> values = new ArrayList<>(parts.size());
    for (String part : parts) {
      values.add(budget.text(part));
    }
    return budget.list(values);
  }

  static Str replace(String self, String old, String replacement, long count, Budget budget) {
    budget.searching(self, old);
    BoundedText out = new BoundedText(budget);
    int from = 0;
    for (long done = 0; count < 0 || done < count; done++) {
      int at = self.indexOf(old, from);
      // An empty string is found before every character and at the end.
      if (old.isEmpty() && done > 0) {
        at = from < self.length() ? self.offsetByCodePoints(from, 1) : -1;
      }
      if (at < 0) {
        break;
      }
      out.append(self, from, at).append(replacement);
      from = at + old.length();
    }
    return out.append(self, from, self.length()).finish();
  }

  private static Value find(String self, String sub, boolean last, Budget budget) {
    budget.searching(self, sub);
    int at = last ? self.lastIndexOf(sub) : self.indexOf(sub);
    return new Int(at < 0 ? -1 : self.codePointCount(0, at));
  }

  private static long count(String self, String sub, Budget budget) {
    budget.searching(self, sub);
    if (sub.isEmpty()) {
      return self.codePointCount(0, self.length()) + 1L;
    }
    long count = 0;
    for (int at = self.indexOf(sub); at >= 0; at = self.indexOf(sub, at + sub.length())) {
      count++;
    }
    return count;
  }

  private static Value join(String separator, Value iterable, Budget budget) {
    BoundedText out = new BoundedText(budget);
    boolean first = true;
    for (Value item : Operators.items(iterable, budget)) {
      if (!(item instanceof Str s)) {
        throw new Problem(
            "str.join needs strings, but found " + item.typeName() + "; use the filter '|join'");
      }
      out.append(first ? "" : separator).append(s.text());
      first = false;
    }
    return out.finish();
  }
}
