package io.pariskv.chat;

import io.pariskv.constrain.Form;
import io.pariskv.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Parts what a model thinks from what it answers. An answer that begins with {@code <think>}, or whose prompt ends so, is thought
 * up to {@code </think>}; what follows goes to the next parser. Elsewhere the tags are text.
 */
public final class Thinking implements AnswerParser {
  private static final String OPEN = "<think>";
  private static final String CLOSE = "</think>";
  /* Models were trained to write it between thought and answer. */
  private static final String BETWEEN = "\n\n";
  private static final int LAST_TOKENS = 16;

  private enum State {
    START, THINKS, THOUGHT, ANSWERS
  }

  private final AnswerParser next;
  private final StringBuilder held = new StringBuilder();
  private State state;
  private boolean begun;

  /** @param begun whether the prompt has begun the thought */
  Thinking(AnswerParser next, boolean begun) {
    this.next = next;
    this.state = begun ? State.THINKS : State.START;
  }

  /** Whether the prompt ends with the beginning of a thought, as some templates have it. */
  public static boolean begins(Tokenizer tokenizer, int[] prompt) {
    return endOf(tokenizer, prompt).endsWith(OPEN);
  }

  /**
   * An answer of this form, after a thought where there is one: the prompt may have begun it; or the model may, if it has tokens
   * for the tags and the prompt has not ended the thought already.
   */
  static Form before(Form form, Tokenizer tokenizer, int[] prompt) {
    Form rest = Form.of(new Form.Until(CLOSE), new Form.Literal(BETWEEN), form);
    String end = endOf(tokenizer, prompt);
    if (end.endsWith(OPEN)) {
      return rest;
    }
    return end.endsWith(CLOSE) || tokenizer.idOf(OPEN).isEmpty() || tokenizer.idOf(CLOSE).isEmpty()
        ? form
        : new Form.Choice(List.of(form, Form.of(new Form.Literal(OPEN), rest)));
  }

  private static String endOf(Tokenizer tokenizer, int[] prompt) {
    int[] last = Arrays.copyOfRange(prompt, Math.max(0, prompt.length - LAST_TOKENS),
        prompt.length);
    return tokenizer.decode(last, false).stripTrailing();
  }

  @Override
  public List<Part> push(String text) {
    held.append(text);
    List<Part> parts = new ArrayList<>();
    if (state == State.START) {
      start();
    }
    if (state == State.THINKS) {
      think(parts);
    }
    if (state == State.THOUGHT && skipLines()) {
      state = State.ANSWERS;
    }
    if (state == State.ANSWERS) {
      parts.addAll(next.push(take(held.length())));
    }
    return parts;
  }

  private void start() {
    String begin = held.toString().stripLeading();
    if (begin.startsWith(OPEN)) {
      held.setLength(0);
      held.append(begin, OPEN.length(), begin.length());
      state = State.THINKS;
    } else if (!OPEN.startsWith(begin)) {
      state = State.ANSWERS;
    }
  }

  private void think(List<Part> parts) {
    int end = held.indexOf(CLOSE);
    thought(take(end >= 0 ? end : held.length() - Tags.pending(held, CLOSE)), parts);
    if (end >= 0) {
      take(CLOSE.length());
      state = State.THOUGHT;
    }
  }

  /** The lines between thought and answer belong to neither; whether the answer has begun. */
  private boolean skipLines() {
    int first = 0;
    while (first < held.length() && Character.isWhitespace(held.charAt(first))) {
      first++;
    }
    take(first);
    return !held.isEmpty();
  }

  @Override
  public List<Part> finish() {
    List<Part> parts = new ArrayList<>();
    if (state == State.THINKS) {
      thought(take(held.length()), parts);
    }
    parts.addAll(next.push(take(held.length())));
    parts.addAll(next.finish());
    return parts;
  }

  private void thought(String text, List<Part> parts) {
    String shown = begun ? text : text.stripLeading();
    if (!shown.isEmpty()) {
      begun = true;
      parts.add(new Part.Thought(shown));
    }
  }

  private String take(int count) {
    String text = held.substring(0, count);
    held.delete(0, count);
    return text;
  }
}
