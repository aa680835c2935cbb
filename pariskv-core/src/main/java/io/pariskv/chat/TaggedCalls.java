package io.pariskv.chat;

import java.util.ArrayList;
import java.util.List;

/**
 * Finds the calls of {@link ToolFormat#TAGGED}. Text goes on at once, but for an end of it that may begin a tag; a call when it
 * is complete. What stands between the tags and is not a call is text, tags included.
 */
final class TaggedCalls implements AnswerParser {
  private static final String OPEN = "<tool_call>";
  private static final String CLOSE = "</tool_call>";

  private final CallReader calls = new CallReader();
  private final StringBuilder held = new StringBuilder();
  /* White space since the last call: part of the format, unless text follows. */
  private final StringBuilder space = new StringBuilder();
  private boolean inside;
  private boolean afterCall;
  /* Of the call that is held: what was searched for its end, and whether that ends within a string. */
  private int searched;
  private boolean string;

  @Override
  public List<Part> push(String text) {
    held.append(text);
    List<Part> parts = new ArrayList<>();
    steps(parts);
    return parts;
  }

  private void steps(List<Part> parts) {
    while (inside ? endCall(callEnd(), parts) : beginCall(parts)) {
      // until nothing more is complete
    }
  }

  private boolean beginCall(List<Part> parts) {
    int at = held.indexOf(OPEN);
    boolean begins = at >= 0;
    text(take(begins ? at : held.length() - Tags.pending(held, OPEN)), parts);
    if (begins) {
      take(OPEN.length());
      inside = true;
      searched = 0;
      string = false;
    }
    return begins;
  }

  /**
   * Where the closing tag is, or -1 so far; in a string of the arguments it is not one. A long call comes in many pieces:
   * what was searched is not searched again.
   */
  private int callEnd() {
    for (; searched < held.length(); searched++) {
      char c = held.charAt(searched);
      if (string && c == '\\') {
        if (searched + 1 == held.length()) {
          return -1; // what it escapes is not here yet
        }
        searched++;
      } else if (c == '"') {
        string = !string;
      } else if (!string && c == '<') {
        String tag = held.substring(searched, Math.min(searched + CLOSE.length(), held.length()));
        if (CLOSE.startsWith(tag)) {
          return tag.equals(CLOSE) ? searched : -1;
        }
      }
    }
    return -1;
  }

  private boolean endCall(int at, List<Part> parts) {
    if (at < 0) {
      return false;
    }
    String json = take(at);
    take(CLOSE.length());
    inside = false;
    Part.ToolCall call = calls.read(json);
    if (call != null) {
      call(call, parts);
    } else {
      text(OPEN + json + CLOSE, parts);
    }
    return true;
  }

  @Override
  public List<Part> finish() {
    List<Part> parts = new ArrayList<>();
    while (inside) {
      // Some models end their turn without the tag, or are cut within it.
      Part.ToolCall call = calls.read(held.substring(0, held.length() - Tags.pending(held, CLOSE)));
      if (call != null) {
        take(held.length());
        inside = false;
        call(call, parts);
      } else if (endCall(held.indexOf(CLOSE), parts)) { // of a string without an end
        steps(parts);
      } else {
        inside = false;
        text(OPEN + take(held.length()), parts);
      }
    }
    text(take(held.length()), parts);
    return parts;
  }

  private String take(int length) {
    String taken = held.substring(0, length);
    held.delete(0, length);
    return taken;
  }

  private void call(Part.ToolCall call, List<Part> parts) {
    parts.add(call);
    space.setLength(0);
    afterCall = true;
  }

  private void text(String text, List<Part> parts) {
    if (afterCall && text.isBlank()) {
      space.append(text);
    } else if (!text.isEmpty()) {
      parts.add(new Part.Text(space + text));
      space.setLength(0);
      afterCall = false;
    }
  }
}
