package io.pariskv.eval.exam;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Brings answers that mean the same to one spelling: what is left different is compared as text. */
final class Latex {
  private static final String TEXT = "\\\\(?:text|textbf|textit|textrm|mbox|mathrm|mathbf)";

  private record Rule(Pattern pattern, String replacement) {
    Rule(String pattern, String replacement) {
      this(Pattern.compile(pattern), replacement);
    }
  }

  private static final List<Rule> RULES = List.of(
      new Rule("\\\\(?:left|right)(?![a-zA-Z])\\.?", ""),
      new Rule("\\\\[dtc]frac(?![a-zA-Z])", "\\\\frac"),
      new Rule("\\\\(?:[!,;: ]|qquad(?![a-zA-Z])|quad(?![a-zA-Z]))|~", " "),
      new Rule("\\{,}", ","),
      new Rule("\\^\\s*\\{?\\s*\\\\circ\\s*}?|\\\\degree(?![a-zA-Z])|\u00b0", ""),
      new Rule("\\\\[()\\[\\]]|\\\\?[$%]", ""),
      // A whole answer in words is kept, a unit after a number is not.
      new Rule("^\\s*" + TEXT + "\\s*\\{([^{}]*)}\\s*$", "$1"),
      new Rule("(?<=\\S)\\s*" + TEXT + "\\s*\\{[^{}]*}(?:\\^\\{?\\d}?)?\\s*$", ""),
      new Rule(TEXT + "\\s*\\{([^{}]*)}", "$1"),
      new Rule("\\s+", ""),
      new Rule("\\.$", ""),
      new Rule("\\\\frac(\\d)(\\d)", "\\\\frac{$1}{$2}"),
      new Rule("\\\\frac(\\d)\\{", "\\\\frac{$1}{"),
      new Rule("(\\\\frac\\{[^{}]*})(\\d)", "$1{$2}"),
      new Rule("\\\\sqrt(\\w)", "\\\\sqrt{$1}"),
      new Rule("([_^])\\{(\\w)}", "$1$2"),
      new Rule("^[a-zA-Z]{1,2}=(?=[^=]+$)", ""),
      new Rule("^\\(([A-Z])\\)$", "$1"));

  private static final Pattern THOUSANDS = Pattern.compile("[+-]?\\d{1,3}(?:,\\d{3})+(?:\\.\\d+)?");

  private Latex() {
  }

  /** One spelling of an answer. */
  static String normal(String answer) {
    String text = answer.strip();
    for (Rule rule : RULES) {
      Matcher matcher = rule.pattern().matcher(text);
      text = matcher.replaceAll(rule.replacement());
    }
    return THOUSANDS.matcher(text).matches() ? text.replace(",", "") : text;
  }
}
