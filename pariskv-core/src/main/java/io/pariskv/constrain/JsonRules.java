package io.pariskv.constrain;

import org.jspecify.annotations.Nullable;

/** The rules of JSON (RFC 8259) that schemas are made of; see {@link Constraints} for how white space and numbers are bounded. */
final class JsonRules {
  static final int MAX_BLANKS = 32;
  static final int MAX_DIGITS = 40;
  private static final int MAX_EXPONENT_DIGITS = 2;
  static final String DIGITS = "0123456789";

  private final Grammar grammar;
  final Node space;
  /** One character of a string, escaped or not. */
  final Node character;
  final Node string;
  final Node number;
  final Node integer;
  final Node value;
  final Node array;
  final Node object;

  JsonRules(Grammar grammar) {
    this.grammar = grammar;
    Node blanks = grammar.some(" \t", 0, MAX_BLANKS, grammar.end);
    space = grammar.choice(blanks, grammar.literal("\n", blanks));
    character = grammar.node();
    character.separable = true;
    characterTo(character, grammar.end);
    Node text = grammar.node().on("\"", grammar.end);
    characterTo(text, text);
    string = grammar.literal("\"", text);
    number = number();
    integer = grammar.choice(grammar.literal("0", grammar.end), minus(
        grammar.node().on("123456789",
            grammar.some(DIGITS, 0, MAX_DIGITS - 1, grammar.end))));
    value = grammar.node();
    array = array(value, 0, Node.UNLIMITED);
    object = object();
    value.or(string).or(number).or(object).or(array).or(bool()).or(nothing());
  }

  Node bool() {
    return grammar.choice(grammar.literal("true", grammar.end),
        grammar.literal("false", grammar.end));
  }

  Node nothing() {
    return grammar.literal("null", grammar.end);
  }

  /** White space, then on. */
  Node space(Node next) {
    return grammar.call(space, next);
  }

  /** That character between white space, then on. */
  Node between(char c, Node next) {
    return space(grammar.literal(String.valueOf(c), space(next)));
  }

  /** A string of so many code points. */
  Node string(int min, int max) {
    return grammar.literal("\"",
        grammar.repeat(character, min, max, grammar.literal("\"", grammar.end)));
  }

  /** An array of so many of a rule. */
  Node array(Node element, int min, int max) {
    Node close = grammar.literal("]", grammar.end);
    return grammar.literal("[", space(elements(element, 0, min, max, close)));
  }

  /** The rest of an array after {@code done} elements. */
  Node elements(Node element, int done, int min, int max, Node close) {
    if (max < min || max < done) {
      return grammar.node();
    }
    Node more = between(',', grammar.call(element, grammar.end));
    if (done > 0) {
      return grammar.repeat(more, Math.max(0, min - done),
          max == Node.UNLIMITED ? max : max - done, space(close));
    }
    Node nonEmpty = max == 0
        ? grammar.node()
        : grammar.call(element, elements(element, 1, Math.max(1, min), max, close));
    return min == 0 ? grammar.choice(close, nonEmpty) : nonEmpty;
  }

  private Node object() {
    Node close = grammar.literal("}", grammar.end);
    Node member = grammar.call(string, between(':', grammar.call(value, grammar.end)));
    Node more = between(',', member);
    Node members = grammar.call(member,
        grammar.repeat(more, 0, Node.UNLIMITED, space(close)));
    return grammar.literal("{", space(grammar.choice(close, members)));
  }

  private Node minus(Node next) {
    return grammar.choice(next, grammar.literal("-", next));
  }

  private Node number() {
    Node digits = grammar.some(DIGITS, 1, MAX_EXPONENT_DIGITS, grammar.end);
    Node exponent = grammar.choice(grammar.end,
        grammar.node().on("eE", grammar.node().on("+-", digits).or(digits)));
    Node fraction = grammar.choice(exponent,
        grammar.literal(".", grammar.some(DIGITS, 1, MAX_DIGITS, exponent)));
    return minus(grammar.node().on("0", fraction).on("123456789",
        grammar.some(DIGITS, 0, MAX_DIGITS - 1, fraction)));
  }

  /** Reads one character of a string. */
  private void characterTo(Node from, Node next) {
    grammar.character(from, unescaped(next), next);
    Node twoHex = hex(hex(next));
    Node low = grammar.literal("\\u",
        grammar.node().on("dD", grammar.node().on("cCdDeEfF", twoHex)));
    Node unicode = grammar.node()
        .on("0123456789aAbBcCeEfF", hex(twoHex))
        .on("dD", grammar.node().on("01234567", twoHex).on("89aAbB", hex(hex(low))));
    from.on("\\", grammar.node().on("\"\\/bfnrt", next).on("u", unicode));
  }

  /** Where the ASCII characters lead that a string has as they are. */
  static @Nullable Node[] unescaped(Node next) {
    @Nullable
    Node[] targets = new Node[0x80];
    for (int c = 0x20; c < 0x80; c++) {
      targets[c] = c == '"' || c == '\\' ? null : next;
    }
    return targets;
  }

  private Node hex(Node next) {
    return grammar.node().on("0123456789abcdefABCDEF", next);
  }
}
