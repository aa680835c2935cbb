package io.pariskv.eval.run;

import io.pariskv.error.InputException;
import io.pariskv.eval.Protocol;
import io.pariskv.eval.Sample;
import io.pariskv.generate.LanguageModel;
import io.pariskv.text.ChatMessage;
import io.pariskv.text.Tokenizer;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

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

  /** The prompt; if questions are fed, the sample's question, if it has one, and all that follows it. */
  Encoded encode(Sample sample, @Nullable Protocol protocol) {
    String text = text(sample);
    int[] tokens = encode(text);
    if (protocol != Protocol.FED || sample.question().isEmpty()) {
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

  /** What the tokenizer puts before a text that is not a chat, such as a beginning-of-sequence token; often nothing. */
  int[] beginning() {
    Tokenizer tokenizer = model.tokenizer();
    int[] text = tokenizer.encode("a");
    int[] whole = tokenizer.encodeWithSpecials("a");
    for (int before = 0; before + text.length <= whole.length; before++) {
      if (Arrays.equals(whole, before, before + text.length, text, 0, text.length)) {
        return Arrays.copyOf(whole, before);
      }
    }
    return new int[0];
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
