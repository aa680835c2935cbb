package io.pariskv.text;

import io.pariskv.error.InputException;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Text to token ids and back, as the {@code tokenizer.json} of a model says.
 *
 * <p>Never truncates and never pads, whatever the file says. A lone surrogate in a text is encoded as
 * U+FFFD. Token ids are at least 0 and less than {@link #vocabularySize()}.
 *
 * <p>Thread-safe. Holds memory outside the Java heap until closed; any call after that throws {@link
 * IllegalStateException}.
 */
public interface Tokenizer extends AutoCloseable {

  /**
   * The most UTF-16 units one text may have. Encoding takes up to about 200 bytes of native memory
   * for each, and about half a second for a million.
   */
  int MAX_TEXT_LENGTH = 1 << 24;

  /**
   * The most UTF-16 units of a text that may follow each other without a change between white space
   * and anything else. The splitting of text into words gives up on longer ones.
   */
  int MAX_RUN_LENGTH = 1 << 20;

  /**
   * Loads a tokenizer.
   *
   * @param tokenizerJson the file, usually {@code tokenizer.json}
   * @throws InputException if the file is missing, damaged, too large or of a kind not supported
   */
  static Tokenizer load(Path tokenizerJson) {
    return HuggingFaceTokenizer.load(tokenizerJson);
  }

  /**
   * The token ids of a text in which special tokens stand as text, as a chat template writes them.
   * Nothing is added: a beginning-of-sequence token is there if the text names it.
   *
   * @throws InputException if the text is longer than {@link #MAX_TEXT_LENGTH} or has a stretch longer
   *     than {@link #MAX_RUN_LENGTH}
   */
  int[] encode(String text);

  /**
   * As {@link #encode}, then adding what the file's post-processor adds (for example a
   * beginning-of-sequence token): for raw prompts, not for a rendered chat template, which has it
   * already.
   */
  int[] encodeWithSpecials(String text);

  /**
   * As {@link #encode}, but text that looks like a special token is ordinary text: for text from
   * someone who must not write control tokens. Added tokens which are not special are still
   * recognised. The first call loads the tokenizer a second time.
   */
  int[] encodePlain(String text);

  /**
   * The text of token ids. An id within the range that the file does not define gives no text.
   *
   * @param skipSpecial leave special tokens out
   * @throws IllegalArgumentException if an id is out of range
   */
  String decode(int[] ids, boolean skipSpecial);

  /** A streaming {@link #decode}: pieces of text as ids arrive. Remains usable after {@link #close}. */
  TokenDecoder decoder(boolean skipSpecial);

  /** The highest token id plus one. A model's embedding may have more rows than that. */
  int vocabularySize();

  /**
   * The token as the file spells it (bytes as stand-in characters for byte-level vocabularies), or
   * null where the file defines no token.
   *
   * @throws IllegalArgumentException if the id is out of range
   */
  @Nullable
  String tokenText(int id);

  /** The id of the token that the file spells so; special tokens such as {@code <|im_end|>} too. */
  OptionalInt idOf(String tokenText);

  /**
   * Whether the file marks the token as special.
   *
   * @throws IllegalArgumentException if the id is out of range
   */
  boolean isSpecial(int id);

  /**
   * The bytes that a token adds to a text decoded without special tokens, empty for those and where the
   * file defines no token. One token need not hold whole characters. Remains usable after {@link #close}.
   *
   * @param first whether the text begins with it: some tokenizers drop a space there
   * @throws IllegalArgumentException if the id is out of range
   * @throws InputException if the tokenizer is of a rare kind where that depends on more than the token
   */
  byte[] tokenBytes(int id, boolean first);

  /** Frees the memory; waits for calls under way in other threads. Closing twice is harmless. */
  @Override
  void close();
}
