package io.pariskv.layer;

import io.pariskv.memory.Buffer;

/** The residual connection: {@code x += y}. */
public interface Residual {
  /**
   * @param x {@code [rows][width] f32}, changed
   * @param y {@code [rows][width] f32}
   */
  void add(Buffer x, Buffer y);
}
