package io.pariskv.backend.vector;

import io.pariskv.layer.Embedding;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@link Embedding} a row at a time. */
final class VectorEmbedding implements Embedding {
  private final Workers workers;

  VectorEmbedding(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void embed(Buffer tokens, Buffer table, Buffer out) {
    int rows = Math.toIntExact(tokens.shape().elements());
    int width = table.shape().extent(1);
    tokens.require("tokens", DType.I32, rows);
    out.require("embedded rows", DType.F32, rows, width);
    DType type = table.dtype();
    long vocabulary = table.shape().axis(0);
    Ranges.run(workers, rows, width, (from, to) -> {
      float[] row = new float[width];
      for (int r = from; r < to; r++) {
        long token = Raw.getInt(tokens.address() + 4L * r);
        if (token < 0 || token >= vocabulary) {
          throw new IndexOutOfBoundsException("token " + token + " of row " + r
              + " is not in the vocabulary of " + vocabulary);
        }
        Floats.read(type, table.address() + token * width * type.bytes(), row, 0, width);
        MemorySegment.copy(row, 0, out.segment(), ValueLayout.JAVA_FLOAT, 4L * r * width, width);
      }
    });
  }
}
