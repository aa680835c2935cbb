package io.pariskv.eval.exam;

import io.pariskv.eval.Grade;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How an exam reads an answer and compares it with the right one. */
enum Marking {
  /** LongBench-v2's: the letter after "The correct answer is", in parentheses or else without. */
  CHOICE {
    @Override
    Optional<String> read(String answer) {
      int thought = answer.lastIndexOf(THINKING_ENDS);
      String said = answer.substring(Math.max(0, thought)).replace("*", "");
      return IN_PARENTHESES.matcher(said).results().findFirst()
          .or(() -> PLAIN.matcher(said).results().findFirst()).map(match -> match.group(1));
    }

    @Override
    boolean right(String read, String reference) {
      return read.equals(reference);
    }
  },
  /** The last box that holds a whole number. */
  WHOLE_NUMBER {
    @Override
    Optional<String> read(String answer) {
      return Boxed.all(answer).stream().filter(box -> box.length() <= LONGEST).map(Latex::normal)
          .filter(box -> WHOLE.matcher(box).matches()).reduce((first, last) -> last);
    }

    @Override
    boolean right(String read, String reference) {
      return new BigInteger(read).equals(new BigInteger(reference));
    }
  },
  /** The last box, as a number, a list of answers or text. */
  EXPRESSION {
    @Override
    Optional<String> read(String answer) {
      return Boxed.all(answer).stream().filter(box -> !box.isBlank())
          .reduce((first, last) -> last);
    }

    @Override
    boolean right(String read, String reference) {
      return read.length() <= LONGEST && same(Latex.normal(read), Latex.normal(reference));
    }
  };

  /** What a model wrote may be anything; no answer is as long as this. */
  private static final int LONGEST = 1_000;
  private static final String THINKING_ENDS = "</think>";
  private static final Pattern IN_PARENTHESES = Pattern
      .compile("The correct answer is \\(([A-D])\\)");
  private static final Pattern PLAIN = Pattern.compile("The correct answer is ([A-D])");
  private static final Pattern WHOLE = Pattern.compile("[+-]?\\d{1,50}");
  private static final Pattern LIST = Pattern.compile("(\\(|\\[|\\\\\\{|)(.*?)(\\)|]|\\\\}|)");

  /** What the answer says, if it says anything that can be marked. */
  abstract Optional<String> read(String answer);

  abstract boolean right(String read, String reference);

  /** Marks an answer; one that cannot be read is wrong. */
  Grade grade(String answer, String reference) {
    return read(answer).map(read -> Grade.of(right(read, reference) ? 1 : 0))
        .orElseGet(() -> new Grade(0, false, Map.of()));
  }

  private static boolean same(String a, String b) {
    if (a.equals(b)) {
      return true;
    }
    Optional<Rational> x = Rational.of(a);
    Optional<Rational> y = Rational.of(b);
    if (x.isPresent() && y.isPresent()) {
      return x.get().sameAs(y.get());
    }
    Matcher p = LIST.matcher(a);
    Matcher q = LIST.matcher(b);
    return p.matches() && q.matches() && p.group(1).equals(q.group(1))
        && p.group(3).equals(q.group(3)) && sameElements(parts(p.group(2)), parts(q.group(2)));
  }

  private static boolean sameElements(List<String> a, List<String> b) {
    if (a.size() != b.size() || a.size() < 2) {
      return false;
    }
    for (int i = 0; i < a.size(); i++) {
      if (!same(a.get(i), b.get(i))) {
        return false;
      }
    }
    return true;
  }

  /** Splits at commas outside of brackets. */
  private static List<String> parts(String list) {
    List<String> parts = new ArrayList<>();
    int depth = 0;
    int from = 0;
    for (int i = 0; i < list.length(); i++) {
      char c = list.charAt(i);
      if (c == '(' || c == '[' || c == '{') {
        depth++;
      } else if (c == ')' || c == ']' || c == '}') {
        depth--;
      } else if (c == ',' && depth == 0) {
        parts.add(list.substring(from, i));
        from = i + 1;
      }
    }
    parts.add(list.substring(from));
    return parts;
  }
}
