package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Value.Bool;
import io.pariskv.text.jinja.Value.Flt;
import io.pariskv.text.jinja.Value.Int;
import io.pariskv.text.jinja.Value.None;
import io.pariskv.text.jinja.Value.Seq;
import io.pariskv.text.jinja.Value.Str;
import io.pariskv.text.jinja.Value.Undefined;
import java.util.Map;

/** The tests of {@code value is name(argument)}; most have no argument, the others one. */
final class Tests {

  private interface Plain {
    boolean holds(Value value, Budget budget);
  }

  private interface WithOther {
    boolean holds(Value value, Value other, Budget budget);
  }

  private static final Map<String, Plain> PLAIN = Map.ofEntries(
      Map.entry("defined", (v, b) -> !(v instanceof Undefined)),
      Map.entry("undefined", (v, b) -> v instanceof Undefined),
      Map.entry("none", (v, b) -> v instanceof None), Map.entry("string", (v, b) -> isString(v)),
      Map.entry("boolean", (v, b) -> v instanceof Bool),
      Map.entry("true", (v, b) -> v instanceof Bool t && t.value()),
      Map.entry("false", (v, b) -> v instanceof Bool t && !t.value()),
      Map.entry("integer", (v, b) -> v instanceof Int),
      Map.entry("float", (v, b) -> v instanceof Flt),
      Map.entry("number", (v, b) -> Operators.isNumber(v)),
      Map.entry("mapping", (v, b) -> v instanceof Value.Dict),
      Map.entry("sequence", (v, b) -> isSequence(v)),
      Map.entry("iterable", (v, b) -> isIterable(v)),
      Map.entry("callable", (v, b) -> isCallable(v)),
      Map.entry("odd", (v, b) -> remainder(v, new Int(2), new Int(1), b)),
      Map.entry("even", (v, b) -> remainder(v, new Int(2), new Int(0), b)),
      Map.entry("lower", (v, b) -> PythonText.isAll(Printer.str(v, b), false)),
      Map.entry("upper", (v, b) -> PythonText.isAll(Printer.str(v, b), true)));

  private static final Map<String, WithOther> WITH_OTHER = Map.ofEntries(
      Map.entry("==", Operators::equal),
      Map.entry("eq", Operators::equal), Map.entry("equalto", Operators::equal),
      Map.entry("!=", Tests::notEqual),
      Map.entry("ne", Tests::notEqual), Map.entry("<", ordered("<")), Map.entry("lt", ordered("<")),
      Map.entry("lessthan", ordered("<")), Map.entry("<=", ordered("<=")),
      Map.entry("le", ordered("<=")),
      Map.entry(">", ordered(">")), Map.entry("gt", ordered(">")),
      Map.entry("greaterthan", ordered(">")),
      Map.entry(">=", ordered(">=")), Map.entry("ge", ordered(">=")),
      Map.entry("in", (v, other, b) -> Operators.contains(other, v, b)),
      Map.entry("divisibleby", (v, other, b) -> remainder(v, other, new Int(0), b)),
      Map.entry("sameas", (v, other, b) -> isSame(v, other)));

  private Tests() {
  }

  static boolean exists(String name) {
    return PLAIN.containsKey(name) || WITH_OTHER.containsKey(name);
  }

  static boolean holds(String name, Value value, Arguments arguments, Budget budget) {
    Plain plain = PLAIN.get(name);
    if (plain != null) {
      arguments.bind("the test '" + name + "'", 0);
      return plain.holds(value, budget);
    }
    WithOther test = WITH_OTHER.get(name);
    if (test == null) {
      throw unknown(name);
    }
    return test.holds(value, arguments.bind("the test '" + name + "'", 1, "other").get(0), budget);
  }

  static Problem unknown(String name) {
    return new Problem("the test '" + name + "' does not exist or is not supported");
  }

  private static boolean notEqual(Value a, Value b, Budget budget) {
    return !Operators.equal(a, b, budget);
  }

  private static WithOther ordered(String op) {
    return (a, b, budget) -> Operators.ordered(op, a, b, budget);
  }

  private static boolean remainder(Value value, Value divisor, Value wanted, Budget budget) {
    return Operators.equal(Arithmetic.binary("%", value, divisor, budget), wanted, budget);
  }

  private static boolean isString(Value value) {
    return value instanceof Str || value instanceof Value.Markup;
  }

  /** What has a length and positions or keys; in Python the undefined value passes, too. */
  private static boolean isSequence(Value value) {
    return isString(value) || (value instanceof Seq s && s.kind().isIndexed())
        || value instanceof Value.Dict
        || value instanceof Undefined;
  }

  private static boolean isIterable(Value value) {
    return isString(value) || value instanceof Seq || value instanceof Value.Dict
        || value instanceof Undefined
        || value instanceof Value.Iter || value instanceof LoopState;
  }

  private static boolean isCallable(Value value) {
    return value instanceof Value.Function || value instanceof Undefined
        || value instanceof LoopState;
  }

  private static boolean isSame(Value a, Value b) {
    boolean singletons = a instanceof Bool || a instanceof None || b instanceof Bool
        || b instanceof None;
    if (!singletons && a instanceof Value.Scalar && b instanceof Value.Scalar) {
      throw new Problem("the test 'sameas' of strings and numbers is not supported; use 'eq'");
    }
    return singletons ? a.getClass() == b.getClass() && a.equals(b) : Operators.identical(a, b);
  }
}
