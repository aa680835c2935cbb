package io.pariskv.text;

import io.pariskv.error.InputException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Which bytes a token adds to a text, by the same steps that {@link TokenDecoder} takes. */
final class TokenBytes {
  private TokenBytes() {
  }

  /**
   * The bytes of one token.
   *
   * @param first whether the text begins with it
   * @throws InputException if what a token adds depends on more than that
   */
  static byte[] of(List<DecoderStep> steps, String token, boolean first) {
    String text = token;
    for (int i = 0; i < steps.size(); i++) {
      switch (steps.get(i)) {
        case DecoderStep.ByteLevel step -> {
          return stripped(step.bytes(text), steps.subList(i + 1, steps.size()), first);
        }
        case DecoderStep.ByteFallback _ -> {
          List<DecoderStep> after = steps.subList(i + 1, steps.size());
          int value = DecoderStep.ByteFallback.value(text);
          byte[] bytes = value < 0
              ? text.getBytes(StandardCharsets.UTF_8)
              : new byte[]{(byte) value};
          return stripped(bytes, after, first);
        }
        case DecoderStep.Replace(String pattern, String content) -> text = text.replace(pattern,
            content);
        case DecoderStep.Fuse _ -> {
        }
        case DecoderStep.Strip(char content, int count, boolean joined) -> {
          requireOne(count, joined);
          text = joined && !first ? text : withoutLeading(text, content, count);
        }
        case DecoderStep.Metaspace(char space, boolean prepended) -> text = first && prepended
            ? text.replace(String.valueOf(space), "")
            : text.replace(space, ' ');
        case DecoderStep.JoinWithSpaces _ -> text = first ? text : " " + text;
      }
    }
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Of the steps after those that give bytes only a strip of the whole text says something of one token. */
  private static byte[] stripped(byte[] bytes, List<DecoderStep> steps, boolean first) {
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    for (DecoderStep step : steps) {
      switch (step) {
        case DecoderStep.Fuse _ -> {
        }
        case DecoderStep.Strip(char content, int count, boolean joined) when joined
            && content < 0x80 -> {
          requireOne(count, true);
          text = first ? withoutLeading(text, content, count) : text;
        }
        default -> throw unsupported(step);
      }
    }
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static String withoutLeading(String text, char content, int count) {
    int from = 0;
    while (from < count && from < text.length() && text.charAt(from) == content) {
      from++;
    }
    return text.substring(from);
  }

  /** More than one could be those of several tokens. */
  private static void requireOne(int count, boolean joined) {
    if (joined && count > 1) {
      throw unsupported(new DecoderStep.Strip(' ', count, true));
    }
  }

  private static InputException unsupported(DecoderStep step) {
    return new InputException("the tokenizer's decoder changes text over several tokens ("
        + step.getClass().getSimpleName()
        + " after tokens were joined), so single tokens have no text of their own;"
        + " its answers cannot be constrained");
  }
}
