package io.pariskv.eval.ruler;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** What an answer is worth: references found in it, whatever their case and whatever is around them. */
enum Scoring {
  /** The share of the references that are found. */
  ALL {
    @Override
    double of(long found, int references) {
      return (double) found / references;
    }
  },
  /** Whether any is found. */
  PART {
    @Override
    double of(long found, int references) {
      return found > 0 ? 1 : 0;
    }
  };

  private static final Pattern CONTROL = Pattern.compile("[\\x00-\\x1f]");

  abstract double of(long found, int references);

  double score(String answer, List<String> references) {
    String read = CONTROL.matcher(answer.strip()).replaceAll("\n").strip().toLowerCase(Locale.ROOT);
    long found = references.stream()
        .filter(reference -> read.contains(reference.toLowerCase(Locale.ROOT))).count();
    return of(found, references.size());
  }
}
