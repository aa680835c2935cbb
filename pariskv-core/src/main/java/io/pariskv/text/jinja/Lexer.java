package io.pariskv.text.jinja;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Cuts a template into tokens, white space control included.
 *
 * <p>As transformers configures jinja2: a block tag that is first on its line loses the blanks before it
 * (lstrip_blocks) and the newline after it (trim_blocks); {@code -} strips all white space on its side,
 * {@code +} keeps it. One newline at the very end of the source is dropped, and CR LF counts as LF.
 */
final class Lexer {
  private static final String[] OPERATORS = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*",
      "%", "~", "[", "]",
      "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"};

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private final Deque<Character> open = new ArrayDeque<>();
  private int pos;
  private int line = 1;

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> tokens(String source) {
    String text = source.replace("\r\n", "\n").replace('\r', '\n');
    if (text.endsWith("\n")) {
      text = text.substring(0, text.length() - 1);
    }
    Lexer lexer = new Lexer(text);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (pos < source.length()) {
      int tag = nextTag(pos);
      if (tag < 0) {
        data(source.substring(pos));
        pos = source.length();
        break;
      }
      char kind = source.charAt(tag + 1);
      int sign = signAt(tag + 2);
      data(beforeTag(pos, tag, sign, kind != '{'));
      lineOf(pos, tag);
      pos = tag + (sign == 0 ? 2 : 3);
      switch (kind) {
        case '#' -> comment();
        case '%' -> {
          if (!raw(tag)) {
            add(Token.Type.BLOCK_BEGIN, "{%");
            expression(true);
          }
        }
        default -> {
          add(Token.Type.OUTPUT_BEGIN, "{{");
          expression(false);
        }
      }
    }
    add(Token.Type.END, "");
  }

  private int nextTag(int from) {
    for (int i = source.indexOf('{', from); i >= 0
        && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
      char next = source.charAt(i + 1);
      if (next == '{' || next == '%' || next == '#') {
        return i;
      }
    }
    return -1;
  }

  private int signAt(int at) {
    char c = at < source.length() ? source.charAt(at) : 0;
    return c == '-' || c == '+' ? c : 0;
  }

  /** The text from {@code start} to the tag at {@code tag}, stripped as the tag's sign and kind ask. */
  private String beforeTag(int start, int tag, int sign, boolean lstrip) {
    int end = tag;
    if (sign == '-') {
      while (end > start && PythonText.isSpace(source.charAt(end - 1))) {
        end--;
      }
    } else if (sign != '+' && lstrip) {
      while (end > start && source.charAt(end - 1) != '\n'
          && PythonText.isSpace(source.charAt(end - 1))) {
        end--;
      }
      // The blanks must reach back to a newline, which may be the last character of the tag before.
      boolean firstOnLine = end == 0 || source.charAt(end - 1) == '\n';
      end = firstOnLine ? end : tag;
    }
    return source.substring(start, end);
  }

  private void comment() {
    int end = source.indexOf("#}", pos);
    if (end < 0) {
      throw new Problem(line, "the comment that starts here has no end; close it with '#}'");
    }
    int sign = end > pos ? source.charAt(end - 1) : 0;
    int from = pos;
    pos = afterTag(end + 2, sign);
    lineOf(from, pos);
  }

  /** Where the template goes on after a closing tag that ends at {@code end}. */
  private int afterTag(int end, int sign) {
    int next = end;
    if (sign == '-') {
      while (next < source.length() && PythonText.isSpace(source.charAt(next))) {
        next++;
      }
    } else if (sign != '+' && next < source.length() && source.charAt(next) == '\n') {
      next++;
    }
    return next;
  }

  /** Reads {@code {% raw %}...{% endraw %}} if it stands here. */
  private boolean raw(int tag) {
    int close = word(pos, "raw");
    if (close < 0) {
      return false;
    }
    boolean strip = close < source.length() && source.charAt(close) == '-';
    close += strip ? 1 : 0;
    if (!source.startsWith("%}", close)) {
      return false;
    }
    int body = strip ? afterTag(close + 2, '-') : close + 2;
    for (int end = source.indexOf("{%", body); end >= 0; end = source.indexOf("{%", end + 1)) {
      int sign = signAt(end + 2);
      int after = word(end + (sign == 0 ? 2 : 3), "endraw");
      int closeSign = after < 0 ? 0 : signAt(after);
      if (after >= 0 && source.startsWith("%}", after + (closeSign == 0 ? 0 : 1))) {
        int bodyLine = line;
        lineOf(tag, body);
        data(beforeTag(body, end, sign, true));
        line = bodyLine;
        pos = afterTag(after + (closeSign == 0 ? 2 : 3), closeSign);
        lineOf(tag, pos);
        return true;
      }
    }
    throw new Problem(line,
        "the raw block that starts here has no end; close it with '{% endraw %}'");
  }

  /** The position after {@code word} and the white space around it, or -1. */
  private int word(int from, String word) {
    int i = skipSpace(from);
    return source.startsWith(word, i) ? skipSpace(i + word.length()) : -1;
  }

  private int skipSpace(int from) {
    int i = from;
    while (i < source.length() && PythonText.isSpace(source.charAt(i))) {
      i++;
    }
    return i;
  }

  /** Tokens up to the end of a block or output tag; its end is not seen inside open brackets. */
  private void expression(boolean block) {
    int start = line;
    open.clear();
    while (true) {
      if (open.isEmpty() && endOfTag(block)) {
        return;
      }
      if (pos >= source.length()) {
        throw new Problem(start,
            "the tag that starts here has no end; close it with " + (block ? "'%}'" : "'}}'"));
      }
      char c = source.charAt(pos);
      if (PythonText.isSpace(c)) {
        line += c == '\n' ? 1 : 0;
        pos++;
      } else if (c >= '0' && c <= '9') {
        number();
      } else if (c == '_' || Character.isLetter(c)) {
        int end = pos;
        while (end < source.length() && isNamePart(source.charAt(end))) {
          end++;
        }
        add(Token.Type.NAME, source.substring(pos, end));
        pos = end;
      } else if (c == '\'' || c == '"') {
        int end = StringLiteral.end(source, pos, line);
        add(Token.Type.STRING, StringLiteral.decode(source.substring(pos + 1, end), line));
        lineOf(pos, end);
        pos = end + 1;
      } else {
        operator();
      }
    }
  }

  private boolean endOfTag(boolean block) {
    String close = block ? "%}" : "}}";
    int sign = signAt(pos);
    if (sign == '+' && !block) {
      return false;
    }
    int at = pos + (sign == 0 ? 0 : 1);
    if (!source.startsWith(close, at)) {
      return false;
    }
    add(block ? Token.Type.BLOCK_END : Token.Type.OUTPUT_END, close);
    int from = pos;
    pos = block || sign == '-' ? afterTag(at + 2, sign) : at + 2;
    lineOf(from, pos);
    return true;
  }

  private static boolean isNamePart(char c) {
    return c == '_' || Character.isLetterOrDigit(c);
  }

  private void number() {
    int end = NumberLiteral.floatEnd(source, pos);
    boolean real = end >= 0 && (pos == 0 || source.charAt(pos - 1) != '.');
    end = real ? end : NumberLiteral.integerEnd(source, pos);
    add(real ? Token.Type.FLOAT : Token.Type.INTEGER, source.substring(pos, end).replace("_", ""));
    pos = end;
  }

  private void operator() {
    for (String operator : OPERATORS) {
      if (source.startsWith(operator, pos)) {
        balance(operator.charAt(0));
        add(Token.Type.OPERATOR, operator);
        pos += operator.length();
        return;
      }
    }
    throw new Problem(line,
        "unexpected character " + PythonText.quote(Character.toString(source.codePointAt(pos))));
  }

  private void balance(char c) {
    switch (c) {
      case '(' -> open.push(')');
      case '[' -> open.push(']');
      case '{' -> open.push('}');
      case ')', ']', '}' -> {
        Character expected = open.poll();
        if (expected == null || expected != c) {
          throw new Problem(line,
              "unexpected '" + c + "'" + (expected == null ? "" : ", expected '" + expected + "'"));
        }
      }
      default -> {
      }
    }
  }

  private void data(String text) {
    if (!text.isEmpty()) {
      add(Token.Type.DATA, text);
    }
  }

  private void add(Token.Type type, String text) {
    tokens.add(new Token(type, text, line));
  }

  private void lineOf(int from, int to) {
    for (int i = from; i < to; i++) {
      line += source.charAt(i) == '\n' ? 1 : 0;
    }
  }
}
