package io.pariskv.eval.run;

import io.pariskv.error.InputException;
import io.pariskv.eval.Sample;
import io.pariskv.generate.LanguageModel;
import io.pariskv.text.ChatMessage;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Samples as the model is given them.
 *
 * @param model its tokenizer and chat template
 * @param raw whether messages are joined without the template, for models that have none
 */
public record PromptEncoder(LanguageModel model, boolean raw) {

  /**
   * A prompt.
   *
   * @param tokens all of it
   * @param fed how many of its end go through decode steps
   */
  record Encoded(int[] tokens, int fed) {
    int[] prefilled() {
      return Arrays.copyOf(tokens, tokens.length - Math.max(fed, 1));
    }
  }

  /** Tokens of the whole prompt, the answer not among them. */
  int tokens(Sample sample) {
    return encode(text(sample)).length;
  }

  /** The prompt; the question, if the sample has one, and all that follows it is fed. */
  Encoded encode(Sample sample) {
    String text = text(sample);
    int[] tokens = encode(text);
    if (sample.question().isEmpty()) {
      return new Encoded(tokens, 0);
    }
    int start = text.lastIndexOf(sample.question());
    if (start < 0) {
      throw new InputException("sample " + sample.id()
          + ": its question is not part of the prompt as the chat template writes it; use --raw");
    }
    int[] before = encode(text.substring(0, start));
    int mismatch = Arrays.mismatch(before, tokens);
    int prefilled = mismatch < 0 ? tokens.length : mismatch;
    return new Encoded(tokens, Math.min(tokens.length - prefilled, tokens.length - 1));
  }

  private String text(Sample sample) {
    String messages = raw
        ? sample.messages().stream().map(ChatMessage::content).collect(Collectors.joining("\n"))
        : model.chatText(sample.messages());
    return messages + sample.answerPrefix();
  }

  private int[] encode(String text) {
    return raw ? model.tokenizer().encodeWithSpecials(text) : model.tokenizer().encode(text);
  }
}
