package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Value.None;
import io.pariskv.text.jinja.Value.Scalar;
import io.pariskv.text.jinja.Value.Undefined;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Computes expressions. One per render. */
final class Evaluator {
  private final Budget budget;

  Evaluator(Budget budget) {
    this.budget = budget;
  }

  Value eval(Expr expr, Scope scope) {
    try {
      budget.steps(1);
      budget.enter();
      Value value = compute(expr, scope);
      budget.leave();
      return value;
    } catch (Problem problem) {
      throw problem.at(expr.line());
    }
  }

  boolean truthy(Expr expr, Scope scope) {
    return Operators.truthy(eval(expr, scope));
  }

  private Value compute(Expr expr, Scope scope) {
    return switch (expr) {
      case Expr.Literal literal -> literal.value();
      case Expr.Name name -> variable(name.name(), scope);
      case Expr.ListOf list -> {
        Value.Seq.Kind kind = list.tuple() ? Value.Seq.Kind.TUPLE : Value.Seq.Kind.LIST;
        yield budget.sequence(kind, evalAll(list.items(), scope));
      }
      case Expr.DictOf dict -> dict(dict, scope);
      case Expr.GetAttribute get ->
        Attributes.attribute(eval(get.object(), scope), get.name(), budget);
      case Expr.GetItem get ->
        Attributes.item(eval(get.object(), scope), eval(get.key(), scope), budget);
      case Expr.Slice slice ->
        Attributes.slice(eval(slice.object(), scope), bound(slice.start(), scope),
            bound(slice.stop(), scope), bound(slice.step(), scope), budget);
      case Expr.Call call -> call(call, Map.of(), scope);
      case Expr.Filter filter -> Filters.apply(filter.name(), eval(filter.input(), scope),
          arguments(filter.arguments(), Map.of(), scope), budget);
      case Expr.Test test -> Value.Bool.of(Tests.holds(test.name(), eval(test.input(), scope),
          arguments(test.arguments(), Map.of(), scope), budget));
      case Expr.Binary binary -> Arithmetic.binary(binary.operator(), eval(binary.left(), scope),
          eval(binary.right(), scope), budget);
      case Expr.Unary unary -> unary(unary.operator(), eval(unary.operand(), scope));
      case Expr.Logical logical -> {
        Value left = eval(logical.left(), scope);
        yield Operators.truthy(left) == logical.and() ? eval(logical.right(), scope) : left;
      }
      case Expr.Compare compare -> Value.Bool.of(compare(compare, scope));
      case Expr.Concat concat -> {
        BoundedText out = new BoundedText(budget);
        evalAll(concat.parts(), scope).forEach(part -> Printer.str(part, out));
        yield out.finish();
      }
      case Expr.Conditional choice -> {
        Expr otherwise = choice.otherwise();
        yield truthy(choice.test(), scope)
            ? eval(choice.then(), scope)
            : otherwise != null
                ? eval(otherwise, scope)
                : new Undefined(
                    "the condition in line " + choice.line() + " is false and has no 'else'");
      }
    };
  }

  private static Value variable(String name, Scope scope) {
    Value value = scope.find(name);
    if (value == null && Globals.UNSUPPORTED.contains(name)) {
      throw new Problem("the global '" + name + "' is not supported");
    }
    return value != null ? value : new Undefined(PythonText.quote(name) + " is undefined");
  }

  private List<Value> evalAll(List<Expr> exprs, Scope scope) {
    List<Value> values = new ArrayList<>(exprs.size());
    for (Expr expr : exprs) {
      values.add(eval(expr, scope));
    }
    return values;
  }

  private Value dict(Expr.DictOf dict, Scope scope) {
    Map<Scalar, Value> entries = new LinkedHashMap<>();
    for (int i = 0; i < dict.keys().size(); i++) {
      Scalar key = Operators.key(eval(dict.keys().get(i), scope));
      entries.put(key, eval(dict.values().get(i), scope));
    }
    return budget.dict(entries);
  }

  private Value bound(@Nullable Expr bound, Scope scope) {
    return bound == null ? None.NONE : eval(bound, scope);
  }

  /** Calls, with further named arguments than the template wrote. */
  Value call(Expr.Call call, Map<String, Value> more, Scope scope) {
    Value callee = eval(call.callee(), scope);
    return switch (callee) {
      case Value.Function function ->
        function.body().call(arguments(call.arguments(), more, scope));
      case Undefined undefined -> throw undefined.problem();
      default -> throw new Problem("a " + callee.typeName() + " cannot be called");
    };
  }

  private Arguments arguments(Expr.CallArguments arguments, Map<String, Value> more, Scope scope) {
    List<Value> positional = evalAll(arguments.positional(), scope);
    Map<String, Value> named = new LinkedHashMap<>();
    for (int i = 0; i < arguments.names().size(); i++) {
      named.put(arguments.names().get(i), eval(arguments.named().get(i), scope));
    }
    named.putAll(more);
    return new Arguments(positional, named);
  }

  private Value unary(String operator, Value operand) {
    if (operator.equals("not")) {
      return Value.Bool.of(!Operators.truthy(operand));
    }
    if (!Operators.isNumber(operand)) {
      throw operand instanceof Undefined u
          ? u.problem()
          : new Problem(
              "the sign '" + operator + "' needs a number, but got " + operand.typeName());
    }
    if (operand instanceof Value.Flt f) {
      return new Value.Flt(operator.equals("-") ? -f.value() : f.value());
    }
    return Arithmetic.binary(operator, new Value.Int(0), operand, budget);
  }

  private boolean compare(Expr.Compare compare, Scope scope) {
    Value left = eval(compare.first(), scope);
    for (int i = 0; i < compare.operators().size(); i++) {
      Value right = eval(compare.rest().get(i), scope);
      String operator = compare.operators().get(i);
      boolean holds = switch (operator) {
        case "==" -> Operators.equal(left, right, budget);
        case "!=" -> !Operators.equal(left, right, budget);
        case "in" -> Operators.contains(right, left, budget);
        case "not in" -> !Operators.contains(right, left, budget);
        default -> Operators.ordered(operator, left, right, budget);
      };
      if (!holds) {
        return false;
      }
      left = right;
    }
    return true;
  }
}
