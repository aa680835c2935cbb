package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Stmt.MacroBody;
import io.pariskv.text.jinja.Stmt.Target;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Parses a template to statements. What is not supported is refused here, by name and line. */
final class Parser {
  private static final Set<String> CONSTANTS = Set.of("true", "false", "none", "True", "False",
      "None");
  private static final Set<String> UNSUPPORTED = Set.of("autoescape", "block", "do", "extends",
      "from", "import",
      "include", "print", "trans");

  private final TokenStream tokens;
  private final ExpressionParser expressions;
  /** The blocks that stand open, for messages. */
  private final List<Token> open = new ArrayList<>();
  /** How many loops a break could leave here; a block that captures its output hides those around it. */
  private int loops;

  private Parser(String source, JinjaLimits limits) {
    this.tokens = new TokenStream(Lexer.tokens(source), limits.depth());
    this.expressions = new ExpressionParser(tokens);
  }

  static List<Stmt> parse(String source, JinjaLimits limits) {
    if (source.length() > limits.sourceChars()) {
      throw new Problem(
          "the source has " + source.length() + " characters, but at most " + limits.sourceChars()
              + " are allowed; raise the limit 'sourceChars'");
    }
    return new Parser(source, limits).statements(Set.of());
  }

  /** Statements up to one of the tags of {@code ends}, whose name becomes the current token. */
  private List<Stmt> statements(Set<String> ends) {
    tokens.enter();
    List<Stmt> body = new ArrayList<>();
    while (true) {
      Token token = tokens.current();
      switch (token.type()) {
        case DATA -> body.add(new Stmt.Text(tokens.take().text(), token.line()));
        case OUTPUT_BEGIN -> {
          tokens.take();
          body.add(new Stmt.Output(expressions.tuple(true, false), token.line()));
          tokens.expect(Token.Type.OUTPUT_END);
        }
        case BLOCK_BEGIN -> {
          tokens.take();
          if (tokens.at(Token.Type.NAME) && ends.contains(tokens.current().text())) {
            tokens.leave();
            return List.copyOf(body);
          }
          body.add(statement());
          tokens.expect(Token.Type.BLOCK_END);
        }
        default -> {
          if (!ends.isEmpty()) {
            throw tokens.problem(
                "the template ends inside the block '" + open.getLast().text() + "' of line "
                    + open.getLast().line() + "; close it with '{% end" + open.getLast().text()
                    + " %}'");
          }
          tokens.leave();
          return List.copyOf(body);
        }
      }
    }
  }

  private Stmt statement() {
    Token tag = tokens.expect(Token.Type.NAME);
    int line = tag.line();
    open.add(tag);
    Stmt statement = switch (tag.text()) {
      case "for" -> forLoop(line);
      case "if" -> ifChain(line);
      case "set" -> set(line);
      case "macro" -> macro(line);
      case "call" -> callBlock(line);
      case "filter" -> {
        Expr value = expressions.filters(expressions.filter(captured(line)));
        yield new Stmt.FilterBlock(value, capturedBody("endfilter"), line);
      }
      case "with" -> with(line);
      case "generation" -> new Stmt.Generation(capturedBody("endgeneration"), line);
      case "break", "continue" -> {
        if (loops == 0) {
          throw new Problem(line,
              "'" + tag.text() + "' stands outside a loop, or in a block inside it that captures"
                  + " its output, where it is not supported");
        }
        yield new Stmt.Jump(tag.text().equals("break"), line);
      }
      default -> throw unknown(tag);
    };
    open.removeLast();
    return statement;
  }

  private Problem unknown(Token tag) {
    String name = tag.text();
    if (UNSUPPORTED.contains(name)) {
      return new Problem(tag.line(), "the tag '" + name + "' is not supported in chat templates");
    }
    String around = open.size() < 2
        ? "no block is open"
        : "the block '" + open.get(open.size() - 2).text() + "' of line "
            + open.get(open.size() - 2).line()
            + " is open";
    return new Problem(tag.line(),
        "the tag '" + name + "' is unknown or out of place here, where " + around);
  }

  private static Expr captured(int line) {
    return new Expr.Name(Scope.CAPTURED, line);
  }

  /** {@code %}...{% end}, up to and with the name of the end tag. */
  private List<Stmt> body(String end) {
    List<Stmt> body = branch(Set.of(end));
    tokens.take();
    return body;
  }

  /** {@code %}...{% end}; the name of the end tag is the current token then. */
  private List<Stmt> branch(Set<String> ends) {
    tokens.skipOperator(":");
    tokens.expect(Token.Type.BLOCK_END);
    return statements(ends);
  }

  private List<Stmt> capturedBody(String end) {
    int outerLoops = loops;
    loops = 0;
    List<Stmt> body = body(end);
    loops = outerLoops;
    return body;
  }

  private Stmt forLoop(int line) {
    Target target = target(false);
    tokens.expectName("in");
    Expr items = expressions.tuple(false, false);
    Expr filter = tokens.skipName("if") ? expressions.expression() : null;
    if (tokens.atName("recursive")) {
      throw tokens.problem("'recursive' loops are not supported; use a macro that calls itself");
    }
    loops++;
    List<Stmt> body = branch(Set.of("endfor", "else"));
    loops--;
    List<Stmt> otherwise = tokens.take().text().equals("else") ? body("endfor") : List.of();
    return new Stmt.For(target, items, filter, body, otherwise, line);
  }

  private Stmt ifChain(int line) {
    List<Stmt.If.Branch> branches = new ArrayList<>();
    String end;
    do {
      Expr test = expressions.tuple(false, false);
      branches.add(new Stmt.If.Branch(test, branch(Set.of("elif", "else", "endif"))));
      end = tokens.take().text();
    } while (end.equals("elif"));
    List<Stmt> otherwise = end.equals("else") ? body("endif") : List.of();
    return new Stmt.If(List.copyOf(branches), otherwise, line);
  }

  private Stmt set(int line) {
    Target target = target(true);
    if (tokens.skipOperator("=")) {
      return new Stmt.Set(target, expressions.tuple(true, false), line);
    }
    Expr value = expressions.filters(captured(line));
    return new Stmt.SetBlock(target, value, capturedBody("endset"), line);
  }

  /** {@code a}, {@code a, (b, c)} or, where allowed, {@code namespace.attribute}. */
  private Target target(boolean namespaces) {
    List<Target> parts = new ArrayList<>();
    boolean comma = false;
    while (!tokens.at(Token.Type.BLOCK_END) && !tokens.atOperator(")")) {
      parts.add(singleTarget(namespaces));
      if (!tokens.skipOperator(",")) {
        break;
      }
      comma = true;
    }
    if (parts.isEmpty()) {
      throw tokens.unexpected("a name to assign to");
    }
    return comma ? new Target.Unpack(List.copyOf(parts)) : parts.getFirst();
  }

  private Target singleTarget(boolean namespaces) {
    if (tokens.skipOperator("(")) {
      tokens.enter();
      Target inner = target(false);
      tokens.leave();
      tokens.expectOperator(")");
      return inner;
    }
    Token name = assignable();
    if (namespaces && tokens.skipOperator(".")) {
      return new Target.NamespaceAttribute(name.text(), tokens.expect(Token.Type.NAME).text());
    }
    return new Target.Variable(name.text());
  }

  private Token assignable() {
    Token name = tokens.expect(Token.Type.NAME);
    if (CONSTANTS.contains(name.text()) || name.text().equals("loop")) {
      throw new Problem(name.line(), "'" + name.text() + "' cannot be assigned to");
    }
    return name;
  }

  private Stmt with(int line) {
    List<Target> targets = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    while (!tokens.at(Token.Type.BLOCK_END)) {
      if (!targets.isEmpty()) {
        tokens.expectOperator(",");
      }
      targets.add(singleTarget(false));
      tokens.expectOperator("=");
      values.add(expressions.expression());
    }
    return new Stmt.With(List.copyOf(targets), List.copyOf(values), body("endwith"), line);
  }

  private Stmt macro(int line) {
    String name = assignable().text();
    return new Stmt.MacroDefinition(name, macroBody("endmacro", null), line);
  }

  private Stmt callBlock(int line) {
    List<String> parameters = new ArrayList<>();
    List<@Nullable Expr> defaults = new ArrayList<>();
    if (tokens.atOperator("(")) {
      signature(parameters, defaults);
    }
    if (!(expressions.expression() instanceof Expr.Call call)) {
      throw new Problem(line, "the tag 'call' needs the call of a macro");
    }
    MacroBody caller = macroBody("endcall",
        new MacroBody(parameters, defaults, List.of(), false, false, false));
    return new Stmt.CallBlock(call, caller, line);
  }

  /** A body with its signature, which is parsed here unless given. */
  private MacroBody macroBody(String end, @Nullable MacroBody given) {
    List<String> parameters = given == null ? new ArrayList<>() : given.parameters();
    List<@Nullable Expr> defaults = given == null ? new ArrayList<>() : given.defaults();
    if (given == null) {
      signature(parameters, defaults);
    }
    expressions.beginMacro();
    List<Stmt> body = capturedBody(end);
    Set<String> used = expressions.endMacro();
    return new MacroBody(List.copyOf(parameters), Collections.unmodifiableList(defaults), body,
        used.contains("caller"),
        used.contains("varargs"), used.contains("kwargs"));
  }

  private void signature(List<String> parameters, List<@Nullable Expr> defaults) {
    tokens.expectOperator("(");
    while (!tokens.atOperator(")")) {
      if (!parameters.isEmpty()) {
        tokens.expectOperator(",");
      }
      Token parameter = assignable();
      if (parameters.contains(parameter.text())
          || ExpressionParser.IMPLICIT.contains(parameter.text())) {
        throw new Problem(parameter.line(),
            "the parameter '" + parameter.text() + "' is reserved or given twice");
      }
      Expr value = tokens.skipOperator("=") ? expressions.expression() : null;
      if (value == null && !defaults.isEmpty() && defaults.getLast() != null) {
        throw tokens.problem("a parameter without a default follows one with a default");
      }
      parameters.add(parameter.text());
      defaults.add(value);
    }
    tokens.expectOperator(")");
  }
}
