package io.pariskv.eval.exam;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** A part of a data set: any as likely, in the order of the file. */
final class Chosen {

  private Chosen() {
  }

  static <T> List<T> of(List<T> from, int count, Random random) {
    return numbers(from.size(), count, random).stream().map(from::get).toList();
  }

  /** So many numbers below a bound, ascending; all if there are no more. */
  static List<Integer> numbers(int bound, int count, Random random) {
    List<Integer> numbers = new ArrayList<>(IntStream.range(0, bound).boxed().toList());
    Collections.shuffle(numbers, random);
    List<Integer> chosen = new ArrayList<>(numbers.subList(0, Math.min(count, bound)));
    Collections.sort(chosen);
    return chosen;
  }
}
