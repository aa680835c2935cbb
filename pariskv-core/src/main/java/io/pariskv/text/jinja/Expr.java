package io.pariskv.text.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** An expression; {@code line} is where it stands in the template, from 1. */
sealed interface Expr {
  int line();

  record Literal(Value value, int line) implements Expr {
  }

  record Name(String name, int line) implements Expr {
  }

  record ListOf(List<Expr> items, boolean tuple, int line) implements Expr {
  }

  record DictOf(List<Expr> keys, List<Expr> values, int line) implements Expr {
  }

  /** {@code object.name}: an attribute, else a key. */
  record GetAttribute(Expr object, String name, int line) implements Expr {
  }

  /** {@code object[key]}: a key or position, else an attribute. */
  record GetItem(Expr object, Expr key, int line) implements Expr {
  }

  record Slice(Expr object, @Nullable Expr start, @Nullable Expr stop, @Nullable Expr step,
      int line) implements Expr {
  }

  record Call(Expr callee, CallArguments arguments, int line) implements Expr {
  }

  record Filter(Expr input, String name, CallArguments arguments, int line) implements Expr {
  }

  record Test(Expr input, String name, CallArguments arguments, int line) implements Expr {
  }

  /** {@code + - * / // % **}. */
  record Binary(String operator, Expr left, Expr right, int line) implements Expr {
  }

  /** {@code not}, {@code -} or {@code +}. */
  record Unary(String operator, Expr operand, int line) implements Expr {
  }

  /** {@code and} or {@code or}: one of its operands. */
  record Logical(boolean and, Expr left, Expr right, int line) implements Expr {
  }

  /** {@code a < b < c}: every neighbouring pair must hold, from the left, until one does not. */
  record Compare(Expr first, List<String> operators, List<Expr> rest, int line) implements Expr {
  }

  /** {@code a ~ b ~ c}. */
  record Concat(List<Expr> parts, int line) implements Expr {
  }

  record Conditional(Expr test, Expr then, @Nullable Expr otherwise, int line) implements Expr {
  }

  /** The arguments of a call, a filter or a test. */
  record CallArguments(List<Expr> positional, List<String> names, List<Expr> named) {
    static final CallArguments NONE = new CallArguments(List.of(), List.of(), List.of());
  }
}
