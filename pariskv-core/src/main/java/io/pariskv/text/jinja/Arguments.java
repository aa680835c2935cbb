package io.pariskv.text.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The evaluated arguments of one call. */
record Arguments(List<Value> positional, Map<String, Value> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  static Arguments of(Value... positional) {
    return new Arguments(List.of(positional), Map.of());
  }

  /**
   * Brings the arguments into the order of {@code names}; those not given are null.
   *
   * @param callee who is called, for messages
   * @param required how many of the names must be given
   */
  Bound bind(String callee, int required, String... names) {
    if (positional.size() > names.length) {
      throw new Problem(
          callee + " takes at most " + names.length + " arguments, but " + positional.size()
              + " were given");
    }
    @Nullable
    Value[] bound = new @Nullable Value[names.length];
    Map<String, Value> rest = new LinkedHashMap<>(named);
    for (int i = 0; i < names.length; i++) {
      Value byName = rest.remove(names[i]);
      if (i < positional.size() && byName != null) {
        throw new Problem(callee + " got two values for '" + names[i] + "'");
      }
      bound[i] = i < positional.size() ? positional.get(i) : byName;
      if (i < required && bound[i] == null) {
        throw new Problem(callee + " needs the argument '" + names[i] + "'");
      }
    }
    if (!rest.isEmpty()) {
      throw new Problem(
          callee + " takes no argument named '" + rest.keySet().iterator().next() + "'");
    }
    return new Bound(callee, names, bound);
  }

  /** The arguments after the first {@code n} positional ones. */
  Arguments from(int n) {
    return new Arguments(positional.subList(Math.min(n, positional.size()), positional.size()),
        named);
  }

  /** Arguments in the order of their names. */
  static final class Bound {
    private final String callee;
    private final String[] names;
    private final @Nullable Value[] values;

    private Bound(String callee, String[] names, @Nullable Value[] values) {
      this.callee = callee;
      this.names = names;
      this.values = values;
    }

    boolean has(int i) {
      return values[i] != null;
    }

    /** The argument, which must have been required. */
    Value get(int i) {
      Value value = values[i];
      if (value == null) {
        throw new Problem(callee + " needs the argument '" + names[i] + "'");
      }
      return value;
    }

    Value get(int i, Value fallback) {
      Value value = values[i];
      return value == null ? fallback : value;
    }

    /** The argument, with an absent one and None as null. */
    @Nullable
    Value orNull(int i) {
      return values[i] instanceof Value.None ? null : values[i];
    }

    boolean flag(int i) {
      Value value = values[i];
      return value != null && Operators.truthy(value);
    }

    long integer(int i, long fallback) {
      Value value = values[i];
      return value == null
          ? fallback
          : Operators.index(value, callee + " argument '" + names[i] + "'");
    }

    String text(int i) {
      if (get(i) instanceof Value.Str s) {
        return s.text();
      }
      throw new Problem(
          callee + " argument '" + names[i] + "' must be a string, but is " + get(i).typeName());
    }

    /** The string argument, with an absent one and None as null. */
    @Nullable
    String textOrNull(int i) {
      return orNull(i) == null ? null : text(i);
    }
  }
}
