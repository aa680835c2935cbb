package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.layer.SamplerRows;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;

/** The likeliest token of every row, where the stages read it. */
final class GreedySampling {
  private final Backend backend;
  private final SamplerRows how;
  private final Buffer tokens;
  private final int[] chosen;

  GreedySampling(Backend backend, Allocator memory, int rows, int vocabulary) {
    this.backend = backend;
    how = SamplerRows.allocate(memory, rows, vocabulary);
    tokens = memory.allocate(DType.I32, rows);
    chosen = new int[rows];
    float[] parameters = new float[rows * SamplerRows.FLOAT_FIELDS];
    for (int row = 0; row < rows; row++) {
      parameters[row * SamplerRows.FLOAT_FIELDS + 1] = 1; // top p: all
      parameters[row * SamplerRows.FLOAT_FIELDS + 3] = 1; // repetition penalty: none
    }
    backend.upload(MemorySegment.ofArray(parameters), how.floats());
  }

  /** The tokens last chosen, {@code [rows] i32}, as the next step's input. */
  Buffer tokens() {
    return tokens;
  }

  /** Chooses, in stream order. */
  void sample(Buffer logits, Batch batch) {
    backend.layers().sampler().sample(logits, batch, how, tokens);
  }

  /** Waits for the tokens, as a generation does that shows them. */
  void waitForTokens() {
    backend.download(tokens, MemorySegment.ofArray(chosen));
  }
}
