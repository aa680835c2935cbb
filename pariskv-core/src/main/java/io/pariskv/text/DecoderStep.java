package io.pariskv.text;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * One step of the decoder of a {@code tokenizer.json}, such that it can run on a stream: a step gets
 * tokens one by one, gives on what can no longer change, and is told of the end.
 */
sealed interface DecoderStep {

  /** A new run of this step, which gives its results to {@code next}. */
  Run start(Consumer<String> next);

  /** Whether the tokens that come out are pieces of one long token. */
  default boolean fuses() {
    return false;
  }

  /** A step at work on one stream of tokens. */
  interface Run extends Consumer<String> {
    /** There are no more tokens: gives on what was held back. */
    default void finish() {
    }
  }

  /** Tokens spell bytes with stand-in characters; the bytes are UTF-8. */
  record ByteLevel() implements DecoderStep {
    /** {@code [0x180]} the byte that each character stands for, or -1. */
    private static final int[] BYTES = table();

    @Override
    public boolean fuses() {
      return true;
    }

    @Override
    public Run start(Consumer<String> next) {
      Utf8Assembler assembler = new Utf8Assembler();
      StringBuilder out = new StringBuilder();
      return new Run() {
        @Override
        public void accept(String token) {
          for (byte b : bytes(token)) {
            assembler.push(b & 0xFF, out);
          }
          flush();
        }

        @Override
        public void finish() {
          assembler.finish(out);
          flush();
        }

        private void flush() {
          next.accept(out.toString());
          out.setLength(0);
        }
      };
    }

    /** The bytes that a token spells. */
    byte[] bytes(String token) {
      // An added token that is not spelt in stand-ins means itself.
      if (!token.chars().allMatch(c -> c < BYTES.length && BYTES[c] >= 0)) {
        return token.getBytes(StandardCharsets.UTF_8);
      }
      byte[] bytes = new byte[token.length()];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = (byte) BYTES[token.charAt(i)];
      }
      return bytes;
    }

    /** GPT-2's table: printable Latin-1 stands for itself, the rest is counted up from U+0100. */
    private static int[] table() {
      int[] table = new int[0x180];
      Arrays.fill(table, -1);
      int other = 0x100;
      for (int b = 0; b < 256; b++) {
        boolean printable = (b > 0x20 && b < 0x7F) || (b > 0xA0 && b != 0xAD);
        table[printable ? b : other++] = b;
      }
      return table;
    }
  }

  /**
   * Tokens such as {@code <0xE4>} are bytes. A run of them that is not UTF-8 as a whole becomes one
   * U+FFFD a byte; so a run is held back until it ends.
   */
  record ByteFallback() implements DecoderStep {
    @Override
    public Run start(Consumer<String> next) {
      return new Run() {
        private byte[] bytes = new byte[16];
        private int count;

        @Override
        public void accept(String token) {
          int value = value(token);
          if (value < 0) {
            finish();
            next.accept(token);
            return;
          }
          if (count == bytes.length) {
            bytes = Arrays.copyOf(bytes, 2 * count);
          }
          bytes[count++] = (byte) value;
        }

        @Override
        public void finish() {
          if (count == 0) {
            return;
          }
          try {
            next.accept(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, 0, count))
                .toString());
          } catch (CharacterCodingException e) {
            for (int i = 0; i < count; i++) {
              next.accept(String.valueOf(Utf8Assembler.REPLACEMENT));
            }
          }
          count = 0;
        }
      };
    }

    /** The byte that a token is, or -1. */
    static int value(String token) {
      if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') {
        return -1;
      }
      int high = hex(token.charAt(3));
      int low = hex(token.charAt(4));
      return high < 0 || low < 0 ? -1 : (high << 4) | low;
    }

    private static int hex(char c) {
      return c < 0x80 ? Character.digit(c, 16) : -1;
    }
  }

  /** Replaces a text in each token. */
  record Replace(String pattern, String content) implements DecoderStep {
    @Override
    public Run start(Consumer<String> next) {
      return token -> next.accept(token.replace(pattern, content));
    }
  }

  /** Joins all tokens to one. */
  record Fuse() implements DecoderStep {
    @Override
    public boolean fuses() {
      return true;
    }

    @Override
    public Run start(Consumer<String> next) {
      return next::accept;
    }
  }

  /**
   * Removes up to {@code count} leading {@code content}, of each token or, if tokens were joined
   * before, of the whole text.
   */
  record Strip(char content, int count, boolean joined) implements DecoderStep {
    @Override
    public boolean fuses() {
      return joined;
    }

    @Override
    public Run start(Consumer<String> next) {
      return new Run() {
        private int left = count;

        @Override
        public void accept(String token) {
          int from = 0;
          while (from < token.length() && left > 0 && token.charAt(from) == content) {
            from++;
            left--;
          }
          if (!joined) {
            left = count;
          } else if (from < token.length()) {
            left = 0;
          }
          next.accept(token.substring(from));
        }
      };
    }
  }

  /** {@code space} stands for a space; in the first token for nothing if encoding had put it there. */
  record Metaspace(char space, boolean prepended) implements DecoderStep {
    @Override
    public Run start(Consumer<String> next) {
      return new Run() {
        private boolean first = prepended;

        @Override
        public void accept(String token) {
          next.accept(first ? token.replace(String.valueOf(space), "") : token.replace(space, ' '));
          first = false;
        }
      };
    }
  }

  /** What happens without a decoder: tokens with spaces between. */
  record JoinWithSpaces() implements DecoderStep {
    @Override
    public boolean fuses() {
      return true;
    }

    @Override
    public Run start(Consumer<String> next) {
      return new Run() {
        private boolean first = true;

        @Override
        public void accept(String token) {
          next.accept(first ? token : " " + token);
          first = false;
        }
      };
    }
  }
}
