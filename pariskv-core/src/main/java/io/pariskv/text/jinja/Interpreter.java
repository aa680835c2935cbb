package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Stmt.MacroBody;
import io.pariskv.text.jinja.Stmt.Target;
import io.pariskv.text.jinja.Value.Undefined;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** Runs statements and collects what they print. One per render. */
final class Interpreter {

  /** How a list of statements ended. */
  private enum End {
    NORMAL, BREAK, CONTINUE
  }

  private final Budget budget;
  private final Evaluator evaluator;

  Interpreter(Budget budget) {
    this.budget = budget;
    this.evaluator = new Evaluator(budget);
  }

  /** What the statements print; none of them jumps out. */
  String capture(List<Stmt> body, Scope scope) {
    BoundedText out = new BoundedText(budget);
    run(body, scope, out);
    return out.toString();
  }

  private End run(List<Stmt> body, Scope scope, BoundedText out) {
    for (Stmt statement : body) {
      try {
        budget.steps(1);
        budget.enter();
        End end = run(statement, scope, out);
        budget.leave();
        if (end != End.NORMAL) {
          return end;
        }
      } catch (Problem problem) {
        throw problem.at(statement.line());
      }
    }
    return End.NORMAL;
  }

  private End run(Stmt statement, Scope scope, BoundedText out) {
    switch (statement) {
      case Stmt.Text text -> out.append(text.text());
      case Stmt.Output output -> Printer.str(evaluator.eval(output.value(), scope), out);
      case Stmt.If choice -> {
        return choose(choice, scope, out);
      }
      case Stmt.For loop -> {
        return loop(loop, scope, out);
      }
      case Stmt.Set set -> assign(set.target(), evaluator.eval(set.value(), scope), scope);
      case Stmt.SetBlock set ->
        assign(set.target(), filtered(set.value(), set.body(), scope), scope);
      case Stmt.FilterBlock filter ->
        Printer.str(filtered(filter.value(), filter.body(), scope), out);
      case Stmt.MacroDefinition macro ->
        scope.set(macro.name(), function(macro.name(), macro.macro(), scope));
      case Stmt.CallBlock call -> {
        Value caller = function("caller", call.caller(), scope);
        Printer.str(evaluator.call(call.call(), Map.of("caller", caller), scope), out);
      }
      case Stmt.With with -> {
        Scope inner = new Scope(scope);
        for (int i = 0; i < with.targets().size(); i++) {
          assign(with.targets().get(i), evaluator.eval(with.values().get(i), scope), inner);
        }
        return run(with.body(), inner, out);
      }
      case Stmt.Generation generation -> run(generation.body(), new Scope(scope), out);
      case Stmt.Jump jump -> {
        return jump.isBreak() ? End.BREAK : End.CONTINUE;
      }
    }
    return End.NORMAL;
  }

  private End choose(Stmt.If choice, Scope scope, BoundedText out) {
    for (Stmt.If.Branch branch : choice.branches()) {
      if (evaluator.truthy(branch.test(), scope)) {
        return run(branch.body(), scope, out);
      }
    }
    return run(choice.otherwise(), scope, out);
  }

  /** The text of a body, through the filters of its block; both see a scope of their own. */
  private Value filtered(Expr value, List<Stmt> body, Scope scope) {
    Scope inner = new Scope(scope);
    inner.set(Scope.CAPTURED, new Value.Str(capture(body, inner)));
    return evaluator.eval(value, inner);
  }

  private End loop(Stmt.For loop, Scope scope, BoundedText out) {
    Value items = evaluator.eval(loop.items(), scope);
    Iterator<Value> all = Operators.iterate(items, budget);
    Expr filter = loop.filter();
    boolean counted = filter == null && !(items instanceof Value.Iter);
    LoopState state = new LoopState(
        filter == null ? all : new Filtered(all, loop.target(), filter, scope),
        counted ? Operators.length(items, budget) : -1, budget);
    boolean completed = false;
    for (Value item = state.next(); item != null; item = state.next()) {
      budget.steps(1);
      Scope inner = new Scope(scope);
      inner.set("loop", state);
      assign(loop.target(), item, inner);
      End end = run(loop.body(), inner, out);
      // As in jinja2, 'else' runs unless some iteration reached its end.
      completed |= end == End.NORMAL;
      if (end == End.BREAK) {
        break;
      }
    }
    return completed ? End.NORMAL : run(loop.otherwise(), new Scope(scope), out);
  }

  /** The items that pass the filter of a loop, tested when they are asked for. */
  private final class Filtered implements Iterator<Value> {
    private final Iterator<Value> all;
    private final Target target;
    private final Expr filter;
    private final Scope scope;
    private @Nullable Value ready;

    Filtered(Iterator<Value> all, Target target, Expr filter, Scope scope) {
      this.all = all;
      this.target = target;
      this.filter = filter;
      this.scope = scope;
    }

    @Override
    public boolean hasNext() {
      while (ready == null && all.hasNext()) {
        Value item = all.next();
        Scope inner = new Scope(scope);
        assign(target, item, inner);
        ready = evaluator.truthy(filter, inner) ? item : null;
      }
      return ready != null;
    }

    @Override
    public Value next() {
      if (!hasNext() || ready == null) {
        throw new NoSuchElementException();
      }
      Value item = ready;
      ready = null;
      return item;
    }
  }

  private void assign(Target target, Value value, Scope scope) {
    switch (target) {
      case Target.Variable variable -> scope.set(variable.name(), value);
      case Target.NamespaceAttribute attribute -> {
        if (!(scope.find(attribute.namespace()) instanceof Value.Namespace namespace)) {
          throw new Problem(
              "cannot set '" + attribute.attribute() + "' of '" + attribute.namespace()
                  + "', which is not a namespace; make it one with namespace()");
        }
        namespace.attributes().put(attribute.attribute(), value);
      }
      case Target.Unpack unpack -> {
        List<Value> parts = Operators.items(value, budget);
        if (parts.size() != unpack.targets().size()) {
          throw new Problem("cannot unpack " + parts.size() + " values into "
              + unpack.targets().size() + " names");
        }
        for (int i = 0; i < parts.size(); i++) {
          assign(unpack.targets().get(i), parts.get(i), scope);
        }
      }
    }
  }

  private Value function(String name, MacroBody macro, Scope scope) {
    return new Value.Function(name, arguments -> callMacro(name, macro, arguments, scope));
  }

  private Value callMacro(String name, MacroBody macro, Arguments arguments, Scope definition) {
    Scope scope = new Scope(definition);
    List<Value> positional = arguments.positional();
    Map<String, Value> rest = new LinkedHashMap<>(arguments.named());
    int count = macro.parameters().size();
    List<Integer> absent = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String parameter = macro.parameters().get(i);
      Value given = i < positional.size() ? positional.get(i) : rest.remove(parameter);
      if (given == null) {
        absent.add(i);
      }
      // A parameter hides a variable of its name even in its own default.
      scope.set(parameter, given != null
          ? given
          : new Undefined(
              "the parameter '" + parameter + "' of macro '" + name + "' was not given"));
    }
    if (macro.usesCaller()) {
      Value caller = rest.remove("caller");
      scope.set("caller",
          caller != null
              ? caller
              : new Undefined("'caller' is used, but nothing calls this macro"));
    }
    if (macro.usesKwargs()) {
      scope.set("kwargs", Globals.dictOf(rest, budget));
    } else if (!rest.isEmpty()) {
      throw new Problem(
          "macro '" + name + "' takes no argument named '" + rest.keySet().iterator().next() + "'");
    }
    if (macro.usesVarargs()) {
      scope.set("varargs",
          budget.tuple(positional.subList(Math.min(count, positional.size()), positional.size())
              .toArray(new Value[0])));
    } else if (positional.size() > count) {
      throw new Problem(
          "macro '" + name + "' takes at most " + count + " arguments, but " + positional.size()
              + " were given");
    }
    for (int i : absent) {
      Expr fallback = macro.defaults().get(i);
      if (fallback != null) {
        scope.set(macro.parameters().get(i), evaluator.eval(fallback, scope));
      }
    }
    return new Value.Str(capture(macro.body(), scope));
  }
}
