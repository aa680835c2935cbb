package io.pariskv.layer;

import io.pariskv.memory.Buffer;

/**
 * Root-mean-square normalisation: {@code y = x / sqrt(mean(x^2) + epsilon) * weight}. Zhang and Sennrich
 * 2019. Also serves QK-norm, with a row a head.
 */
public interface RmsNorm {
  /**
   * @param x {@code [rows][width] f32}
   * @param weight {@code [width] f32}
   * @param y out, {@code [rows][width] f32}; may be {@code x} itself
   */
  void normalize(Buffer x, Buffer weight, float epsilon, Buffer y);
}
