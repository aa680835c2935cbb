package io.pariskv.chat;

import java.util.List;
import java.util.Set;

/** Tells the parts of an answer apart as its text arrives. One instance an answer; not thread-safe. */
public interface AnswerParser {

  /** Parts that are complete with this text. */
  List<Part> push(String text);

  /** What was held back: no more text follows. */
  List<Part> finish();

  /** Everything is text. */
  static AnswerParser plain() {
    return new AnswerParser() {
      @Override
      public List<Part> push(String text) {
        return text.isEmpty() ? List.of() : List.of(new Part.Text(text));
      }

      @Override
      public List<Part> finish() {
        return List.of();
      }
    };
  }

  /**
   * For the answer to a conversation, with what the model thinks and calls.
   *
   * @param functions names of those that it may call
   * @param begun whether the prompt has begun a thought; see {@link Thinking#begins}
   */
  static AnswerParser of(ToolFormat format, Set<String> functions, boolean begun) {
    AnswerParser answer = functions.isEmpty() ? plain() : switch (format) {
      case NONE -> plain();
      case TAGGED -> new TaggedCalls();
      case BARE -> new BareCalls(functions);
    };
    return new Thinking(answer, begun);
  }
}
