package io.pariskv.text.jinja;

import java.util.List;

/** The tokens of a template with a position, and how deep the parser stands. */
final class TokenStream {
  private final List<Token> tokens;
  private final int maxDepth;
  private int pos;
  private int depth;

  TokenStream(List<Token> tokens, int maxDepth) {
    this.tokens = tokens;
    this.maxDepth = maxDepth;
  }

  Token current() {
    return tokens.get(pos);
  }

  /** The token after the current one. */
  Token ahead() {
    return tokens.get(Math.min(pos + 1, tokens.size() - 1));
  }

  /** Takes the current token. */
  Token take() {
    Token token = current();
    pos += token.type() == Token.Type.END ? 0 : 1;
    return token;
  }

  boolean at(Token.Type type) {
    return current().type() == type;
  }

  boolean atOperator(String operator) {
    return current().isOperator(operator);
  }

  boolean atName(String name) {
    return current().isName(name);
  }

  boolean skipOperator(String operator) {
    boolean found = atOperator(operator);
    pos += found ? 1 : 0;
    return found;
  }

  boolean skipName(String name) {
    boolean found = atName(name);
    pos += found ? 1 : 0;
    return found;
  }

  Token expect(Token.Type type) {
    if (!at(type)) {
      throw unexpected(type.words);
    }
    return take();
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw unexpected("'" + operator + "'");
    }
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw unexpected("'" + name + "'");
    }
  }

  Problem unexpected(String expected) {
    return problem("expected " + expected + ", but found " + current().describe());
  }

  Problem problem(String reason) {
    return new Problem(current().line(), reason);
  }

  void enter() {
    if (++depth > maxDepth) {
      throw problem("expressions and blocks nest deeper than " + maxDepth
          + " levels; simplify the template or raise the limit 'depth'");
    }
  }

  void leave() {
    depth--;
  }
}
