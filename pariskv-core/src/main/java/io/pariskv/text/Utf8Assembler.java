package io.pariskv.text;

/**
 * Bytes in any portions to text: incremental UTF-8 decoding which keeps the bytes of an unfinished
 * character until the rest arrives.
 *
 * <p>Each longest beginning of a character that no further byte could complete becomes one U+FFFD, as
 * Unicode recommends and Rust's {@code from_utf8_lossy} does. (Java's own decoder differs on encoded
 * surrogates.) Costs a few operations a byte. Not thread-safe.
 */
final class Utf8Assembler {
  static final char REPLACEMENT = '\uFFFD';

  private int codePoint;
  private int missing;
  /* The range of the next continuation byte: narrower after E0, ED, F0 and F4. */
  private int lower = 0x80;
  private int upper = 0xBF;

  /** Takes one byte, as 0 to 255, and appends what it completes. */
  void push(int b, StringBuilder out) {
    if (missing > 0) {
      if (b >= lower && b <= upper) {
        codePoint = (codePoint << 6) | (b & 0x3F);
        expect(missing - 1, 0x80, 0xBF);
        if (missing == 0) {
          out.appendCodePoint(codePoint);
        }
        return;
      }
      out.append(REPLACEMENT);
      expect(0, 0x80, 0xBF);
    }
    begin(b, out);
  }

  /** Ends the text: an unfinished character becomes U+FFFD. */
  void finish(StringBuilder out) {
    if (missing > 0) {
      out.append(REPLACEMENT);
      expect(0, 0x80, 0xBF);
    }
  }

  private void begin(int b, StringBuilder out) {
    if (b < 0x80) {
      out.append((char) b);
    } else if (b >= 0xC2 && b <= 0xDF) {
      codePoint = b & 0x1F;
      expect(1, 0x80, 0xBF);
    } else if (b >= 0xE0 && b <= 0xEF) {
      codePoint = b & 0x0F;
      expect(2, b == 0xE0 ? 0xA0 : 0x80, b == 0xED ? 0x9F : 0xBF);
    } else if (b >= 0xF0 && b <= 0xF4) {
      codePoint = b & 0x07;
      expect(3, b == 0xF0 ? 0x90 : 0x80, b == 0xF4 ? 0x8F : 0xBF);
    } else {
      out.append(REPLACEMENT);
    }
  }

  private void expect(int bytes, int from, int to) {
    missing = bytes;
    lower = from;
    upper = to;
  }
}
