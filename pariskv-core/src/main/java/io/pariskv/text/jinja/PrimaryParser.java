package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Expr.CallArguments;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Parses names, literals, and what follows them: attributes, subscripts and calls. */
final class PrimaryParser {
  private final TokenStream tokens;
  private final ExpressionParser expressions;

  PrimaryParser(TokenStream tokens, ExpressionParser expressions) {
    this.tokens = tokens;
    this.expressions = expressions;
  }

  Expr primary() {
    Token token = tokens.current();
    return switch (token.type()) {
      case NAME -> name(tokens.take());
      case STRING -> {
        StringBuilder text = new StringBuilder();
        while (tokens.at(Token.Type.STRING)) {
          text.append(tokens.take().text());
        }
        yield new Expr.Literal(new Value.Str(text.toString()), token.line());
      }
      case INTEGER -> new Expr.Literal(integer(tokens.take()), token.line());
      case FLOAT ->
        new Expr.Literal(new Value.Flt(Double.parseDouble(tokens.take().text())), token.line());
      case OPERATOR -> switch (token.text()) {
        case "(" -> {
          tokens.take();
          Expr inner = expressions.tuple(true, true);
          tokens.expectOperator(")");
          yield inner;
        }
        case "[" -> list();
        case "{" -> dict();
        default -> throw tokens.unexpected("an expression");
      };
      default -> throw tokens.unexpected("an expression");
    };
  }

  private Expr name(Token token) {
    expressions.noteName(token.text());
    Value constant = switch (token.text()) {
      case "true", "True" -> Value.Bool.TRUE;
      case "false", "False" -> Value.Bool.FALSE;
      case "none", "None" -> Value.None.NONE;
      default -> null;
    };
    return constant != null
        ? new Expr.Literal(constant, token.line())
        : new Expr.Name(token.text(), token.line());
  }

  private static Value integer(Token token) {
    String text = token.text();
    int base = text.length() > 1 ? NumberLiteral.base(text.charAt(1)) : 10;
    try {
      return new Value.Int(Long.parseLong(base == 10 ? text : text.substring(2), base));
    } catch (NumberFormatException e) {
      throw new Problem(token.line(), "an integer beyond 64 bits is not supported");
    }
  }

  private Expr list() {
    int line = tokens.take().line();
    List<Expr> items = new ArrayList<>();
    while (!tokens.atOperator("]")) {
      items.add(expressions.expression());
      if (!tokens.skipOperator(",")) {
        break;
      }
    }
    tokens.expectOperator("]");
    return new Expr.ListOf(List.copyOf(items), false, line);
  }

  private Expr dict() {
    int line = tokens.take().line();
    List<Expr> keys = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    while (!tokens.atOperator("}")) {
      keys.add(expressions.expression());
      tokens.expectOperator(":");
      values.add(expressions.expression());
      if (!tokens.skipOperator(",")) {
        break;
      }
    }
    tokens.expectOperator("}");
    return new Expr.DictOf(List.copyOf(keys), List.copyOf(values), line);
  }

  /** {@code .name}, {@code [key]} and {@code (arguments)}, any number of times. */
  Expr postfix(Expr object) {
    Expr value = object;
    while (true) {
      if (tokens.atOperator(".")) {
        value = attribute(value);
      } else if (tokens.atOperator("[")) {
        value = subscript(value);
      } else if (tokens.atOperator("(")) {
        value = call(value);
      } else {
        return value;
      }
    }
  }

  private Expr attribute(Expr object) {
    int line = tokens.take().line();
    if (tokens.at(Token.Type.INTEGER)) {
      Token index = tokens.take();
      return new Expr.GetItem(object, new Expr.Literal(integer(index), index.line()), line);
    }
    return new Expr.GetAttribute(object, tokens.expect(Token.Type.NAME).text(), line);
  }

  private Expr subscript(Expr object) {
    int line = tokens.take().line();
    Expr start = tokens.atOperator(":") ? null : expressions.expression();
    if (start != null && tokens.skipOperator("]")) {
      return new Expr.GetItem(object, start, line);
    }
    if (start != null && tokens.atOperator(",")) {
      throw tokens.problem("several subscripts in one pair of brackets are not supported");
    }
    tokens.expectOperator(":");
    Expr stop = bound();
    Expr step = tokens.skipOperator(":") ? bound() : null;
    tokens.expectOperator("]");
    return new Expr.Slice(object, start, stop, step, line);
  }

  private @Nullable Expr bound() {
    return tokens.atOperator(":") || tokens.atOperator("]") ? null : expressions.expression();
  }

  Expr.Call call(Expr callee) {
    int line = tokens.current().line();
    return new Expr.Call(callee, arguments(), line);
  }

  /** {@code (a, b, name=c)}. */
  CallArguments arguments() {
    tokens.expectOperator("(");
    List<Expr> positional = new ArrayList<>();
    List<String> names = new ArrayList<>();
    List<Expr> named = new ArrayList<>();
    while (!tokens.atOperator(")")) {
      if (tokens.atOperator("*") || tokens.atOperator("**")) {
        throw tokens.problem(
            "'" + tokens.current().text() + "' in the arguments of a call is not supported");
      }
      if (tokens.at(Token.Type.NAME) && tokens.ahead().isOperator("=")) {
        String name = tokens.take().text();
        tokens.take();
        if (names.contains(name)) {
          throw tokens.problem("the argument '" + name + "' is given twice");
        }
        names.add(name);
        named.add(expressions.expression());
      } else if (!names.isEmpty()) {
        throw tokens.problem("an argument without a name follows one with a name");
      } else {
        positional.add(expressions.expression());
      }
      if (!tokens.skipOperator(",")) {
        break;
      }
    }
    tokens.expectOperator(")");
    return new CallArguments(List.copyOf(positional), List.copyOf(names), List.copyOf(named));
  }
}
