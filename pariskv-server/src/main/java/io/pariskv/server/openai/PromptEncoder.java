package io.pariskv.server.openai;

import io.pariskv.error.InputException;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.model.ServedModel;
import io.pariskv.text.Tokenizer;
import io.pariskv.text.jinja.TemplateException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * Text and conversations to token ids. Encoding takes some 200 bytes of native memory a character, so only as many
 * characters are encoded at once as one text may have: long texts wait for each other.
 */
final class PromptEncoder {
  private static final Semaphore CHARACTERS = new Semaphore(Tokenizer.MAX_TEXT_LENGTH, true);

  private PromptEncoder() {
  }

  /** A conversation, ready for the answer. */
  static int[] chat(ServedModel model,
      List<? extends Map<String, ? extends @Nullable Object>> messages,
      boolean addGenerationPrompt, Map<String, ? extends @Nullable Object> variables) {
    String text;
    try {
      text = model.template().render(messages, addGenerationPrompt, variables);
    } catch (TemplateException e) {
      throw ApiException.invalid("messages",
          "the model's chat template refuses the messages: " + e.reason());
    }
    return text(model, text, false);
  }

  /**
   * A text.
   *
   * @param addSpecials whether a token is added that begins every text, where the model has one
   */
  static int[] text(ServedModel model, String text, boolean addSpecials) {
    if (text.length() > Tokenizer.MAX_TEXT_LENGTH) {
      throw new InputException("the prompt has " + text.length() + " characters, at most "
          + Tokenizer.MAX_TEXT_LENGTH + " are read at once; shorten it");
    }
    CHARACTERS.acquireUninterruptibly(text.length());
    try {
      return addSpecials
          ? model.tokenizer().encodeWithSpecials(text)
          : model.tokenizer().encode(text);
    } finally {
      CHARACTERS.release(text.length());
    }
  }
}
