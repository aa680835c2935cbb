package io.pariskv.eval.run;

import io.pariskv.error.InputException;
import java.util.ArrayList;
import java.util.List;

/** Parts of a text as tokens, which follow each other from its start, each begun as the tokenizer begins a text. */
final class TextWindows {
  private TextWindows() {
  }

  /**
   * As many as the text has, up to {@code most}.
   *
   * @param source of the text, for messages
   * @param length of a sample, for messages
   * @param tokens of a window, those that the tokenizer begins with among them
   * @throws InputException if the text is too short for one
   */
  static List<int[]> of(PromptEncoder encoder, String source, String text, int length, int tokens,
      int most) {
    int[] beginning = encoder.beginning();
    int[] all = encoder.model().tokenizer().encode(text);
    int own = tokens - beginning.length;
    if (own < 1 || all.length < own) {
      throw new InputException(source + ": has " + all.length + " tokens, length " + length
          + " needs " + own + "; give a longer file, or a smaller length");
    }
    List<int[]> windows = new ArrayList<>();
    for (int i = 0; i < most && (long) (i + 1) * own <= all.length; i++) {
      int[] window = new int[tokens];
      System.arraycopy(beginning, 0, window, 0, beginning.length);
      System.arraycopy(all, i * own, window, beginning.length, own);
      windows.add(window);
    }
    return windows;
  }
}
