package io.pariskv.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Finds the calls of {@link ToolFormat#BARE}: an answer that is one JSON object after another, with nothing or semicolons
 * between, each with the name of a known function. An answer that begins otherwise is text from its first piece on; one that
 * begins with a brace is held back to its end, and may turn out to be text.
 */
final class BareCalls implements AnswerParser {
  private final Set<String> names;
  private final CallReader calls = new CallReader();
  private final StringBuilder held = new StringBuilder();
  private boolean text;

  /** @param names of known functions */
  BareCalls(Set<String> names) {
    this.names = names;
  }

  @Override
  public List<Part> push(String piece) {
    held.append(piece);
    int first = 0;
    while (!text && first < held.length() && Character.isWhitespace(held.charAt(first))) {
      first++;
    }
    if (!text && (first == held.length() || held.charAt(first) == '{')) {
      return List.of();
    }
    text = true;
    return release();
  }

  @Override
  public List<Part> finish() {
    if (text) {
      return release();
    }
    List<Part> parts = new ArrayList<>();
    for (int from = 0; from < held.length();) {
      int end = objectEnd(from);
      JsonNode json = JsonValues.read(held.substring(from, end));
      Part call = json == null || !names.contains(json.path("name").asString(""))
          ? null
          : calls.read(json);
      if (call == null) {
        return release();
      }
      parts.add(call);
      for (from = end; from < held.length() && isBetween(held.charAt(from));) {
        from++;
      }
    }
    return parts;
  }

  private static boolean isBetween(char c) {
    return c == ';' || Character.isWhitespace(c);
  }

  /** Where the object ends that begins at {@code from}; braces in strings do not count. */
  private int objectEnd(int from) {
    int depth = 0;
    boolean string = false;
    for (int i = from; i < held.length(); i++) {
      char c = held.charAt(i);
      if (string && c == '\\') {
        i++;
      } else if (c == '"') {
        string = !string;
      } else if (!string && c == '{') {
        depth++;
      } else if (!string && c == '}' && --depth == 0) {
        return i + 1;
      }
    }
    return held.length();
  }

  private List<Part> release() {
    if (held.isEmpty()) {
      return List.of();
    }
    Part all = new Part.Text(held.toString());
    held.setLength(0);
    return List.of(all);
  }
}
