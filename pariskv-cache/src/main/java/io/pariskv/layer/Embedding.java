package io.pariskv.layer;

import io.pariskv.memory.Buffer;

/** Looks up the vector of each token. */
public interface Embedding {
  /**
   * @param tokens {@code [rows] i32}, each in {@code [0, vocabulary)}; the caller has checked
   * @param table {@code [vocabulary][width]} f32, f16 or bf16; may be unaligned
   * @param out {@code [rows][width] f32}
   */
  void embed(Buffer tokens, Buffer table, Buffer out);
}
