package io.pariskv.index;

/**
 * The 8 levels that a coordinate's magnitude is coded with: the Lloyd-Max quantiser of {@code |u_j|}
 * for a uniform direction {@code u} in 8 dimensions, where {@code u_j^2 ~ Beta(1/2, 7/2)}.
 *
 * <p>Pinned: they are part of the format of a code. Lloyd 1982.
 */
public final class MagnitudeLevels {
  /** Number of levels; the index takes 3 bits. */
  public static final int COUNT = 8;

  private static final float[] THRESHOLDS = {0.0843f, 0.1698f, 0.2578f, 0.3499f, 0.4487f, 0.5585f,
      0.6901f};
  private static final float[] LEVELS = {0.0420f, 0.1266f, 0.2130f, 0.3025f, 0.3973f, 0.5001f,
      0.6169f, 0.7633f};

  private MagnitudeLevels() {
  }

  /** The 7 borders between levels, ascending. A magnitude equal to a border has the lower level. */
  public static float[] thresholds() {
    return THRESHOLDS.clone();
  }

  /** The 8 reconstruction values, ascending. */
  public static float[] levels() {
    return LEVELS.clone();
  }

  /**
   * The 16 values of a 4-bit code: bit 3 is set for a coordinate {@code >= 0}, bits 0 to 2 are the
   * level; so entries 0 to 7 are negative and 8 to 15 positive.
   */
  public static float[] codeValues() {
    float[] values = new float[2 * COUNT];
    for (int i = 0; i < COUNT; i++) {
      values[i] = -LEVELS[i];
      values[COUNT + i] = LEVELS[i];
    }
    return values;
  }
}
