package io.pariskv.text.jinja;

/**
 * One token of a template.
 *
 * @param text the name, the operator, or the decoded string; digits as written for numbers
 */
record Token(Type type, String text, int line) {

  enum Type {
    DATA("text"), OUTPUT_BEGIN("'{{'"), OUTPUT_END("'}}'"), BLOCK_BEGIN("'{%'"), BLOCK_END(
        "'%}'"), NAME(
            "a name"), STRING("a string"), INTEGER("an integer"), FLOAT(
                "a number"), OPERATOR("an operator"), END("the end of the template");

    final String words;

    Type(String words) {
      this.words = words;
    }
  }

  boolean isName(String name) {
    return type == Type.NAME && text.equals(name);
  }

  boolean isOperator(String operator) {
    return type == Type.OPERATOR && text.equals(operator);
  }

  /** For messages. */
  String describe() {
    return switch (type) {
      case NAME, OPERATOR, INTEGER, FLOAT -> "'" + text + "'";
      default -> type.words;
    };
  }
}
