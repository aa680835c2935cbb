package io.pariskv.text;

import io.pariskv.error.InputException;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** A {@link Tokenizer} on Hugging Face's own tokenizers library, through its Java binding in DJL. */
final class HuggingFaceTokenizer implements Tokenizer {
  private final TokenizerFile file;
  private final NativeTokenizer main;
  private final Object plainLock = new Object();
  private @Nullable NativeTokenizer plain;
  private boolean closed;

  private HuggingFaceTokenizer(TokenizerFile file, NativeTokenizer main) {
    this.file = file;
    this.main = main;
  }

  static HuggingFaceTokenizer load(Path tokenizerJson) {
    TokenizerFile file = TokenizerFile.read(tokenizerJson);
    try {
      return new HuggingFaceTokenizer(file, NativeTokenizer.create(file.document()));
    } catch (NativeTokenizer.Failure e) {
      throw new InputException(tokenizerJson + " is not accepted by Hugging Face's tokenizers: "
          + BoundedJson.abbreviate(String.valueOf(e.getMessage())) + "; download it again", e);
    }
  }

  @Override
  public int[] encode(String text) {
    return encode(main, text, false);
  }

  @Override
  public int[] encodeWithSpecials(String text) {
    return encode(main, text, true);
  }

  @Override
  public int[] encodePlain(String text) {
    NativeTokenizer tokenizer;
    synchronized (plainLock) {
      if (closed) {
        throw NativeTokenizer.closed();
      }
      if (plain == null) {
        plain = NativeTokenizer.create(file.plainDocument());
      }
      tokenizer = plain;
    }
    return encode(tokenizer, text, false);
  }

  private static int[] encode(NativeTokenizer tokenizer, String text, boolean addSpecials) {
    requireBounded(text);
    try {
      return tokenizer.encode(Surrogates.replaceLone(text), addSpecials);
    } catch (NativeTokenizer.Failure e) {
      throw new InputException("the text cannot be tokenized: " + e.getMessage() + "; change it",
          e);
    }
  }

  @Override
  public String decode(int[] ids, boolean skipSpecial) {
    for (int id : ids) {
      file.requireId(id);
    }
    return main.decode(ids, skipSpecial);
  }

  @Override
  public TokenDecoder decoder(boolean skipSpecial) {
    return new TokenDecoder(file, skipSpecial);
  }

  @Override
  public int vocabularySize() {
    return file.tokens().size();
  }

  @Override
  public @Nullable String tokenText(int id) {
    file.requireId(id);
    return file.tokens().get(id);
  }

  @Override
  public OptionalInt idOf(String tokenText) {
    Integer id = file.ids().get(tokenText);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  @Override
  public boolean isSpecial(int id) {
    file.requireId(id);
    return file.special().get(id);
  }

  @Override
  public byte[] tokenBytes(int id, boolean first) {
    file.requireId(id);
    String token = file.tokens().get(id);
    return token == null || file.special().get(id)
        ? new byte[0]
        : TokenBytes.of(file.decoder(), token, first);
  }

  @Override
  public void close() {
    main.close();
    synchronized (plainLock) {
      closed = true;
      if (plain != null) {
        plain.close();
      }
    }
  }

  /**
   * The native word splitter counts its steps back within one word and ends the process at ten
   * million; the patterns let through take a few steps a character of a run.
   */
  private static void requireBounded(String text) {
    if (text.length() > MAX_TEXT_LENGTH) {
      throw new InputException("the text has " + text.length() + " characters, at most "
          + MAX_TEXT_LENGTH + " are tokenized at once; shorten it");
    }
    int start = 0;
    boolean space = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean isSpace = Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
      if (isSpace != space) {
        space = isSpace;
        start = i;
      } else if (i - start >= MAX_RUN_LENGTH) {
        throw new InputException("the text has more than " + MAX_RUN_LENGTH + " characters "
            + (space ? "of white space" : "without white space")
            + " in a row, from character " + start + "; break or remove that stretch");
      }
    }
  }
}
