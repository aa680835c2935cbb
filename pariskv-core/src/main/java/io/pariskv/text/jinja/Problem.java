package io.pariskv.text.jinja;

/** A failure inside this package, on its way to the place that knows the template's name. */
final class Problem extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final String reason;
  private int line;

  Problem(String reason) {
    super(reason);
    this.reason = reason;
  }

  Problem(int line, String reason) {
    this(reason);
    this.line = line;
  }

  /** Fills in the line unless one closer to the failure is there. */
  Problem at(int outerLine) {
    if (line == 0) {
      line = outerLine;
    }
    return this;
  }

  String reason() {
    return reason;
  }

  int line() {
    return Math.max(1, line);
  }
}
