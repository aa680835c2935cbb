package io.pariskv.layer;

import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/**
 * Rotary position embedding in the layout of Hugging Face: coordinate {@code i} is paired with {@code i +
 * headDim/2}. Su et al. 2021.
 *
 * <p>The angle is {@code position * frequency} rounded to f32, as the models were trained; its cosine
 * and sine are those of that float, times {@code scale}.
 */
public interface Rotary {
  /**
   * Cosines and sines of a pass, computed once and used by every layer.
   *
   * @param batch positions
   * @param frequencies {@code [headDim/2] f32}
   * @param scale attention scale of the RoPE variant, 1 for most
   * @param table out, {@code [rows][2][headDim/2] f32}: cosines, then sines
   */
  void angles(Batch batch, Buffer frequencies, float scale, Buffer table);

  /**
   * Rotates every head of every row, in place.
   *
   * @param x {@code [rows][heads][headDim] f32}
   * @param table from {@link #angles}
   */
  void rotate(Buffer x, Buffer table);
}
