package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Expr.CallArguments;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Parses expressions, one method for each level of precedence, loosest first: conditional, or, and, not,
 * comparison, {@code + -}, {@code ~}, {@code * / // %}, {@code **}, sign, postfix, filters and tests.
 */
final class ExpressionParser {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final Set<String> PRODUCTS = Set.of("*", "/", "//", "%");
  /** Names that make a macro take more than its parameters. */
  static final Set<String> IMPLICIT = Set.of("caller", "varargs", "kwargs");

  private final TokenStream tokens;
  private final PrimaryParser primary;
  private final Deque<Set<String>> macros = new ArrayDeque<>();

  ExpressionParser(TokenStream tokens) {
    this.tokens = tokens;
    this.primary = new PrimaryParser(tokens, this);
  }

  /** Starts to note which of {@link #IMPLICIT} are used, until {@link #endMacro}. */
  void beginMacro() {
    macros.push(new HashSet<>());
  }

  Set<String> endMacro() {
    return macros.pop();
  }

  void noteName(String name) {
    if (IMPLICIT.contains(name)) {
      macros.forEach(used -> used.add(name));
    }
  }

  PrimaryParser primary() {
    return primary;
  }

  /** One expression, or several with commas as a tuple. */
  Expr tuple(boolean conditional, boolean parentheses) {
    int line = tokens.current().line();
    List<Expr> items = new ArrayList<>();
    boolean comma = false;
    while (!atTupleEnd()) {
      items.add(conditional ? expression() : or());
      if (!tokens.skipOperator(",")) {
        break;
      }
      comma = true;
    }
    if (!comma && items.size() == 1) {
      return items.getFirst();
    }
    if (!comma && !parentheses) {
      throw tokens.unexpected("an expression");
    }
    return new Expr.ListOf(List.copyOf(items), true, line);
  }

  private boolean atTupleEnd() {
    return tokens.at(Token.Type.OUTPUT_END) || tokens.at(Token.Type.BLOCK_END)
        || tokens.atOperator(")");
  }

  Expr expression() {
    int line = tokens.current().line();
    tokens.enter();
    Expr value = or();
    while (tokens.skipName("if")) {
      Expr test = or();
      Expr otherwise = tokens.skipName("else") ? expression() : null;
      value = new Expr.Conditional(test, value, otherwise, line);
    }
    tokens.leave();
    return value;
  }

  Expr or() {
    Expr left = and();
    while (tokens.atName("or")) {
      int line = tokens.take().line();
      left = new Expr.Logical(false, left, and(), line);
    }
    return left;
  }

  private Expr and() {
    Expr left = not();
    while (tokens.atName("and")) {
      int line = tokens.take().line();
      left = new Expr.Logical(true, left, not(), line);
    }
    return left;
  }

  private Expr not() {
    if (!tokens.atName("not")) {
      return comparison();
    }
    int line = tokens.take().line();
    tokens.enter();
    Expr operand = not();
    tokens.leave();
    return new Expr.Unary("not", operand, line);
  }

  private Expr comparison() {
    int line = tokens.current().line();
    Expr first = sum();
    List<String> operators = new ArrayList<>();
    List<Expr> rest = new ArrayList<>();
    for (String operator = comparisonOperator(); operator != null; operator = comparisonOperator()) {
      operators.add(operator);
      rest.add(sum());
    }
    return operators.isEmpty()
        ? first
        : new Expr.Compare(first, List.copyOf(operators), List.copyOf(rest), line);
  }

  private @Nullable String comparisonOperator() {
    if (tokens.at(Token.Type.OPERATOR) && COMPARISONS.contains(tokens.current().text())) {
      return tokens.take().text();
    }
    if (tokens.skipName("in")) {
      return "in";
    }
    if (tokens.atName("not") && tokens.ahead().isName("in")) {
      tokens.take();
      tokens.take();
      return "not in";
    }
    return null;
  }

  private Expr sum() {
    Expr left = concat();
    while (tokens.atOperator("+") || tokens.atOperator("-")) {
      Token operator = tokens.take();
      left = new Expr.Binary(operator.text(), left, concat(), operator.line());
    }
    return left;
  }

  private Expr concat() {
    int line = tokens.current().line();
    List<Expr> parts = new ArrayList<>(List.of(product()));
    while (tokens.skipOperator("~")) {
      parts.add(product());
    }
    return parts.size() == 1 ? parts.getFirst() : new Expr.Concat(List.copyOf(parts), line);
  }

  private Expr product() {
    Expr left = power();
    while (tokens.at(Token.Type.OPERATOR) && PRODUCTS.contains(tokens.current().text())) {
      Token operator = tokens.take();
      left = new Expr.Binary(operator.text(), left, power(), operator.line());
    }
    return left;
  }

  /** From the left, unlike Python: jinja2 reads {@code 2 ** 3 ** 2} as 64. */
  private Expr power() {
    Expr left = unary(true);
    while (tokens.atOperator("**")) {
      int line = tokens.take().line();
      left = new Expr.Binary("**", left, unary(true), line);
    }
    return left;
  }

  private Expr unary(boolean withFilters) {
    tokens.enter();
    Expr value;
    if (tokens.atOperator("-") || tokens.atOperator("+")) {
      Token sign = tokens.take();
      value = new Expr.Unary(sign.text(), unary(false), sign.line());
    } else {
      value = primary.primary();
    }
    value = primary.postfix(value);
    value = withFilters ? filtersAndTests(value) : value;
    tokens.leave();
    return value;
  }

  private Expr filtersAndTests(Expr input) {
    Expr value = input;
    while (true) {
      if (tokens.atOperator("|")) {
        value = filters(value);
      } else if (tokens.atName("is")) {
        value = test(value);
      } else if (tokens.atOperator("(")) {
        value = primary.call(value);
      } else {
        return value;
      }
    }
  }

  /** {@code | name(arguments)}, any number of times. */
  Expr filters(Expr input) {
    Expr value = input;
    while (tokens.skipOperator("|")) {
      value = filter(value);
    }
    return value;
  }

  /** One filter, from its name. */
  Expr filter(Expr input) {
    Token name = tokens.expect(Token.Type.NAME);
    if (!Filters.exists(name.text())) {
      throw Filters.unknown(name.text()).at(name.line());
    }
    CallArguments arguments = tokens.atOperator("(") ? primary.arguments() : CallArguments.NONE;
    return new Expr.Filter(input, name.text(), arguments, name.line());
  }

  private Expr test(Expr input) {
    int line = tokens.take().line();
    boolean negated = tokens.skipName("not");
    Token name = tokens.expect(Token.Type.NAME);
    if (!Tests.exists(name.text())) {
      throw Tests.unknown(name.text()).at(name.line());
    }
    CallArguments arguments = CallArguments.NONE;
    if (tokens.atOperator("(")) {
      arguments = primary.arguments();
    } else if (atTestArgument()) {
      Expr argument = primary.postfix(primary.primary());
      arguments = new CallArguments(List.of(argument), List.of(), List.of());
    }
    Expr test = new Expr.Test(input, name.text(), arguments, line);
    return negated ? new Expr.Unary("not", test, line) : test;
  }

  private boolean atTestArgument() {
    Token token = tokens.current();
    if (token.isName("is")) {
      throw tokens
          .problem("tests cannot be chained with 'is'; put parentheses around the first one");
    }
    return switch (token.type()) {
      case NAME -> !Set.of("else", "or", "and").contains(token.text());
      case STRING, INTEGER, FLOAT -> true;
      default -> token.isOperator("[") || token.isOperator("{");
    };
  }
}
