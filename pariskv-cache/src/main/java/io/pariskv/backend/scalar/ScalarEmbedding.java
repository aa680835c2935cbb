package io.pariskv.backend.scalar;

import io.pariskv.layer.Embedding;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link Embedding} in plain Java. */
final class ScalarEmbedding implements Embedding {
  @Override
  public void embed(Buffer tokens, Buffer table, Buffer out) {
    int rows = Math.toIntExact(tokens.shape().elements());
    tokens.require("tokens", DType.I32, rows);
    int width = table.shape().extent(1);
    out.require("embedded rows", DType.F32, rows, width);
    for (int r = 0; r < rows; r++) {
      long token = Elements.getInt(tokens, r);
      for (int i = 0; i < width; i++) {
        float value = Elements.getFloat(table.segment(), table.dtype(), token * width + i);
        Elements.setFloat(out, (long) r * width + i, value);
      }
    }
  }
}
