package io.pariskv.text.jinja;

/** A string under construction that counts its characters against the budget. */
final class BoundedText {
  private final StringBuilder text = new StringBuilder();
  private final Budget budget;

  BoundedText(Budget budget) {
    this.budget = budget;
  }

  BoundedText append(String part) {
    budget.characters(text.length(), part.length());
    text.append(part);
    return this;
  }

  BoundedText append(String source, int from, int to) {
    budget.characters(text.length(), to - from);
    text.append(source, from, to);
    return this;
  }

  BoundedText append(char c) {
    budget.characters(text.length(), 1);
    text.append(c);
    return this;
  }

  BoundedText appendCodePoint(int codePoint) {
    budget.characters(text.length(), Character.charCount(codePoint));
    text.appendCodePoint(codePoint);
    return this;
  }

  Budget budget() {
    return budget;
  }

  int length() {
    return text.length();
  }

  /** The string; its characters have been counted already. */
  Value.Str finish() {
    return new Value.Str(text.toString());
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
