package io.pariskv.server.openai;

import io.pariskv.server.model.ToolFormat;
import java.util.List;

/** Tells the parts of an answer apart as its text arrives. One instance an answer; not thread-safe. */
interface AnswerParser {

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

  /** For an answer that may call these functions. */
  static AnswerParser of(ToolFormat format, Tools tools) {
    if (tools.names().isEmpty()) {
      return plain();
    }
    return switch (format) {
      case NONE -> plain();
      case TAGGED -> new TaggedCalls();
      case BARE -> new BareCalls(tools.names());
    };
  }
}
