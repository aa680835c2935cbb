package io.pariskv.eval.exam;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;

/** Finds what a text puts in {@code \boxed{...}}. */
final class Boxed {
  private static final String COMMAND = "\\boxed";

  private Boxed() {
  }

  /** @param boxed whether the brace is that of a box */
  private record Brace(int at, boolean boxed) {
  }

  private record Content(int at, String text) {
  }

  /** The contents of the boxes that are closed, as they begin in the text. One pass, however they nest. */
  static List<String> all(String text) {
    List<Content> found = new ArrayList<>();
    Deque<Brace> open = new ArrayDeque<>();
    for (int i = 0; i < text.length(); i++) {
      switch (text.charAt(i)) {
        case '\\' -> {
          if (text.startsWith(COMMAND, i)) {
            i += COMMAND.length() - 1;
          } else {
            i++; // \{ and \} are characters, not groups
          }
        }
        case '{' ->
          open.push(new Brace(i, text.substring(Math.max(0, i - 16), i).stripTrailing()
              .endsWith(COMMAND)));
        case '}' -> {
          Brace brace = open.poll();
          if (brace != null && brace.boxed()) {
            found.add(new Content(brace.at(), text.substring(brace.at() + 1, i)));
          }
        }
        default -> {
        }
      }
    }
    found.sort(Comparator.comparingInt(Content::at));
    return found.stream().map(Content::text).toList();
  }
}
