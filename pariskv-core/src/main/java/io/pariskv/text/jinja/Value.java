package io.pariskv.text.jinja;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A value in a template, with Python's types. Immutable, but for {@link Namespace} and the position in an
 * {@link Iter}.
 *
 * <p>{@code equals} is Python's {@code ==} for scalars, so that they can be keys ({@code 1 == 1.0 == True});
 * {@link Operators#equal} compares everything.
 */
sealed interface Value
    permits Value.Scalar, Value.Undefined, Value.Markup, Value.Seq, Value.Dict, Value.Iter,
    Value.Namespace, Value.Function, LoopState {

  /** Python's name of the type, for messages. */
  default String typeName() {
    return switch (this) {
      case Str s -> "str";
      case Int i -> "int";
      case Flt f -> "float";
      case Bool b -> "bool";
      case None n -> "NoneType";
      case Undefined u -> "undefined";
      case Markup m -> "Markup";
      case Seq s -> s.kind().python;
      case Dict d -> "dict";
      case Iter i -> "generator";
      case Namespace n -> "Namespace";
      case Function f -> "function " + f.name();
      case LoopState l -> "loop";
    };
  }

  /** How deep lists and dicts nest in this value; 0 for a scalar. */
  default int depth() {
    return 0;
  }

  /** What can be a key of a dict. */
  sealed interface Scalar extends Value permits Str, Int, Flt, Bool, None {
  }

  /** Comparable so that a hash map stays fast on keys chosen to collide. */
  record Str(String text) implements Scalar, Comparable<Str> {
    @Override
    public int compareTo(Str other) {
      return text.compareTo(other.text);
    }
  }

  record Int(long value) implements Scalar {
    @Override
    public boolean equals(Object o) {
      return Operators.sameNumber(this, o);
    }

    @Override
    public int hashCode() {
      return Long.hashCode(value);
    }
  }

  record Flt(double value) implements Scalar {
    @Override
    public boolean equals(Object o) {
      return Operators.sameNumber(this, o);
    }

    @Override
    public int hashCode() {
      return value == (long) value ? Long.hashCode((long) value) : Double.hashCode(value);
    }
  }

  record Bool(boolean value) implements Scalar {
    static final Bool TRUE = new Bool(true);
    static final Bool FALSE = new Bool(false);

    static Bool of(boolean value) {
      return value ? TRUE : FALSE;
    }

    @Override
    public boolean equals(Object o) {
      return Operators.sameNumber(this, o);
    }

    @Override
    public int hashCode() {
      return Long.hashCode(value ? 1 : 0);
    }
  }

  enum None implements Scalar {
    NONE
  }

  /** A name, key or attribute that is not there; {@code why} becomes the error when it is used. */
  record Undefined(String why) implements Value {
    Problem problem() {
      return new Problem(why);
    }
  }

  /** The result of {@code escape} and {@code safe}: it may be printed, not computed with. */
  record Markup(String text) implements Value {
  }

  /** A list or another sequence; only {@link Budget} makes them, which counts their elements. */
  record Seq(Kind kind, List<Value> items, int depth) implements Value {

    enum Kind {
      LIST("list"), TUPLE("tuple"), RANGE("range"), KEYS("dict_keys"), VALUES("dict_values"), ITEMS(
          "dict_items");

      final String python;

      Kind(String python) {
        this.python = python;
      }

      /** Whether elements can be reached by position. */
      boolean isIndexed() {
        return this == LIST || this == TUPLE || this == RANGE;
      }
    }
  }

  /** A dict in the order of insertion; only {@link Budget} makes them. */
  record Dict(Map<Scalar, Value> entries, int depth) implements Value {
    public Dict {
      entries = Collections.unmodifiableMap(entries);
    }
  }

  /** What {@code map}, {@code select} and the like give: it can be walked once and has no length. */
  final class Iter implements Value {
    private final List<Value> items;
    private int next;

    Iter(List<Value> items) {
      this.items = items;
    }

    boolean hasNext() {
      return next < items.size();
    }

    Value next() {
      return items.get(next++);
    }

    @Override
    public int depth() {
      return items.stream().mapToInt(Value::depth).max().orElse(0);
    }
  }

  /** The one mutable value: attributes that outlive the scope they are set in. */
  record Namespace(Map<String, Value> attributes) implements Value {
    Namespace() {
      this(new LinkedHashMap<>());
    }

    @Override
    public boolean equals(Object o) {
      return this == o;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(this);
    }
  }

  /** A global function, a macro, or a method bound to its receiver. */
  record Function(String name, Body body) implements Value {

    interface Body {
      Value call(Arguments arguments);
    }
  }
}
