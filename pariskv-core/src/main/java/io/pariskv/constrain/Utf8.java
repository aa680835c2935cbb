package io.pariskv.constrain;

/** Valid UTF-8 byte by byte: which bytes may follow, given those of the character so far. */
final class Utf8 {
  /** State 0 is between characters. */
  static final int STATES = 8;

  private static final int ONE_MORE = 1;
  private static final int TWO_MORE = 2;
  private static final int THREE_MORE = 3;
  private static final int AFTER_E0 = 4;
  private static final int AFTER_ED = 5;
  private static final int AFTER_F0 = 6;
  private static final int AFTER_F4 = 7;

  private Utf8() {
  }

  /** The state after a byte, -1 if it may not come. */
  static int next(int state, int b) {
    return switch (state) {
      case 0 -> first(b);
      case ONE_MORE -> within(b, 0x80, 0xBF, 0);
      case TWO_MORE -> within(b, 0x80, 0xBF, ONE_MORE);
      case THREE_MORE -> within(b, 0x80, 0xBF, TWO_MORE);
      // Neither longer than need be, nor half of a surrogate pair, nor beyond U+10FFFF.
      case AFTER_E0 -> within(b, 0xA0, 0xBF, ONE_MORE);
      case AFTER_ED -> within(b, 0x80, 0x9F, ONE_MORE);
      case AFTER_F0 -> within(b, 0x90, 0xBF, TWO_MORE);
      case AFTER_F4 -> within(b, 0x80, 0x8F, TWO_MORE);
      default -> throw new IllegalArgumentException("state " + state + ", expected 0 to 7");
    };
  }

  private static int first(int b) {
    if (b < 0x80) {
      return 0;
    }
    return switch (b) {
      case 0xE0 -> AFTER_E0;
      case 0xED -> AFTER_ED;
      case 0xF0 -> AFTER_F0;
      case 0xF4 -> AFTER_F4;
      default -> b >= 0xC2 && b <= 0xDF
          ? ONE_MORE
          : b >= 0xE1 && b <= 0xEF ? TWO_MORE : b >= 0xF1 && b <= 0xF3 ? THREE_MORE : -1;
    };
  }

  private static int within(int b, int from, int to, int next) {
    return b >= from && b <= to ? next : -1;
  }
}
