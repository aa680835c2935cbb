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

  private final CallReader calls = new CallReader("arguments");
  private final StringBuilder held = new StringBuilder();
  /* White space since the last call: part of the format, unless text follows. */
  private final StringBuilder space = new StringBuilder();
  private boolean inside;
  private boolean afterCall;
  private int searched;

  @Override
  public List<Part> push(String text) {
    held.append(text);
    List<Part> parts = new ArrayList<>();
    while (step(parts)) {
      // until nothing more is complete
    }
    return parts;
  }

  private boolean step(List<Part> parts) {
    String tag = inside ? CLOSE : OPEN;
    // A long call comes in many pieces: what was searched is not searched again.
    int at = held.indexOf(tag, Math.max(0, searched - tag.length()));
    searched = held.length();
    if (at < 0) {
      if (!inside) {
        int out = held.length() - Tags.pending(held, tag);
        text(held.substring(0, out), parts);
        held.delete(0, out);
        searched = 0;
      }
      return false;
    }
    String before = held.substring(0, at);
    held.delete(0, at + tag.length());
    searched = 0;
    if (inside) {
      call(before, OPEN + before + CLOSE, parts);
    } else {
      text(before, parts);
    }
    inside = !inside;
    return true;
  }

  @Override
  public List<Part> finish() {
    List<Part> parts = new ArrayList<>();
    String rest = held.toString();
    held.setLength(0);
    if (inside) {
      call(rest, OPEN + rest, parts); // some models end their turn without the tag
    } else {
      text(rest, parts);
    }
    return parts;
  }

  private void call(String json, String raw, List<Part> parts) {
    Part.ToolCall call = calls.read(json);
    if (call == null) {
      text(raw, parts);
      return;
    }
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
