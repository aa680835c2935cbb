package io.pariskv.layer;

import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * Fills memory with reproducible pseudo-random numbers around zero: weights for benchmarks of a model that
 * is not there.
 *
 * <p>Element {@code i} is {@link #value}, a function of seed and {@code i} alone, so neither the shape nor
 * how the work is split matters; bf16 takes the nearest, ties to even. Exact: all backends write equal bits.
 */
public interface RandomFill {
  /** Standard deviation of the sum of four whole numbers drawn evenly from 0 to 65,535. */
  double DEVIATION_OF_SUM = Math.sqrt((65_536.0 * 65_536 - 1) / 3);

  /**
   * @param target out, any shape, f32 or bf16
   * @param seed other numbers for another seed
   * @param deviation standard deviation, finite and not negative
   * @throws IllegalArgumentException if the type or the deviation is another
   */
  void fill(Buffer target, long seed, float deviation);

  /**
   * The type of {@code target}, which is f32 or bf16.
   *
   * @throws IllegalArgumentException if it is another
   */
  static DType requireFloats(Buffer target) {
    DType dtype = target.dtype();
    if (dtype != DType.F32 && dtype != DType.BF16) {
      throw new IllegalArgumentException("random numbers fill f32 or bf16, not " + target);
    }
    return dtype;
  }

  /**
   * What a sum of four 16-bit numbers, less its mean, is multiplied by.
   *
   * @throws IllegalArgumentException if {@code deviation} is negative, infinite or not a number
   */
  static float scale(float deviation) {
    if (!(deviation >= 0 && deviation <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException(
          "deviation " + deviation + " must be finite and not negative");
    }
    return (float) (deviation / DEVIATION_OF_SUM);
  }

  /**
   * Element {@code index}: the four 16-bit parts of SplitMix64 (Steele et al. 2014) of {@code seed + (index
   * + 1) * 0x9e3779b97f4a7c15} added, less 131,070, times {@code scale}, rounded once. Nearly normal, within
   * 3.47 standard deviations.
   *
   * @param scale of {@link #scale}
   */
  static float value(long seed, long index, float scale) {
    long z = seed + 0x9e3779b97f4a7c15L * (index + 1);
    z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
    z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
    z ^= z >>> 31;
    long sum = (z & 0xffff) + (z >>> 16 & 0xffff) + (z >>> 32 & 0xffff) + (z >>> 48);
    return (sum - 2 * 0xffff) * scale; // the difference is exact in a float
  }
}
