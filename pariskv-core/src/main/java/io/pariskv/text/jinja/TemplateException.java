package io.pariskv.text.jinja;

import io.pariskv.error.InputException;

/** A template that cannot be parsed or rendered, or that refused its messages by {@code raise_exception}. */
public class TemplateException extends InputException {
  private static final long serialVersionUID = 1;

  private final String template;
  private final int line;
  private final String reason;

  TemplateException(String template, Problem problem) {
    super("template " + template + ", line " + problem.line() + ": " + problem.reason(), problem);
    this.template = template;
    this.line = problem.line();
    this.reason = problem.reason();
  }

  /** The name the template was parsed under. */
  public String template() {
    return template;
  }

  /** The line of the template, from 1. */
  public int line() {
    return line;
  }

  /** The message without the place; exactly the template's words when it came from {@code raise_exception}. */
  public String reason() {
    return reason;
  }
}
