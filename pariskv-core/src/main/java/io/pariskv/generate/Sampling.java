package io.pariskv.generate;

import io.pariskv.backend.Backend;
import io.pariskv.constrain.Constraint;
import io.pariskv.kv.Batch;
import io.pariskv.layer.SamplerRows;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The samplers of the rows of a decode batch: the parameters of each and its last token, where the backend reads them. */
final class Sampling {
  private final Backend backend;
  private final SamplerRows how;
  private final Buffer tokens;
  private final byte[] marks;
  private final int[] forbidden;
  /** Whether anything is forbidden in a row. */
  private final boolean[] constrained;

  Sampling(Backend backend, Allocator memory, int rows, int vocabulary) {
    this.backend = backend;
    how = SamplerRows.allocate(memory, rows, vocabulary);
    tokens = memory.allocate(DType.I32, rows);
    marks = new byte[vocabulary];
    forbidden = new int[SamplerRows.words(vocabulary)];
    constrained = new boolean[rows];
  }

  /** Bytes of {@code rows} rows, but for the tokens chosen. */
  static long bytes(int rows, int vocabulary) {
    return SamplerRows.bytes(rows, vocabulary);
  }

  /** Sets the parameters of a row, and the tokens that it has seen. */
  void configure(int row, GenerationOptions options, int[] seenTokens) {
    float[] f = {options.temperature(), options.topP(), options.minP(),
        options.repetitionPenalty()};
    int[] i = {options.topK(), (int) options.seed(), (int) (options.seed() >>> 32)};
    Arrays.fill(marks, (byte) 0);
    for (int id : seenTokens) {
      marks[id] = 1;
    }
    SamplerRows one = how.slice(row, row + 1);
    backend.upload(MemorySegment.ofArray(f), one.floats());
    backend.upload(MemorySegment.ofArray(i), one.ints());
    backend.upload(MemorySegment.ofArray(marks), one.seen());
    constrain(row, null);
  }

  /** Sets which tokens the next one of a row may be; null for any. */
  void constrain(int row, Constraint.@Nullable Progress answer) {
    if (answer != null || constrained[row]) {
      Arrays.fill(forbidden, 0);
      if (answer != null) {
        answer.forbid(forbidden);
      }
      backend.upload(MemorySegment.ofArray(forbidden), how.forbidden().slice(row, row + 1));
      constrained[row] = answer != null;
    }
  }

  /**
   * Chooses the next token of the rows from {@code first} on, in stream order.
   *
   * @param logits {@code [rows][vocabulary] f32}
   */
  void sample(int first, Buffer logits, Batch batch) {
    int end = first + batch.rows();
    backend.layers().sampler().sample(logits, batch, how.slice(first, end),
        tokens.slice(first, end));
  }

  /** The tokens last chosen for the first rows, {@code [rows] i32}, as the next step's input. */
  Buffer tokens(int rows) {
    return tokens.slice(0, rows);
  }

  /** Gives the next step another input than the token last chosen. */
  void put(int row, int token) {
    backend.upload(MemorySegment.ofArray(new int[]{token}), tokens.slice(row, row + 1));
  }

  /** Waits for the tokens last chosen for the rows from {@code first} to before {@code end}. */
  int[] chosen(int first, int end) {
    int[] chosen = new int[end - first];
    backend.download(tokens.slice(first, end), MemorySegment.ofArray(chosen));
    return chosen;
  }
}
