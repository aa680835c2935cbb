package io.pariskv.generate;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.layer.TokenSampler;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The samplers of the rows of a decode batch: the parameters of each and its last token, where the backend reads them. */
final class Sampling {
  private final Backend backend;
  private final Buffer floats;
  private final Buffer ints;
  private final Buffer seen;
  private final Buffer tokens;
  private final byte[] marks;

  Sampling(Backend backend, Allocator memory, int rows, int vocabulary) {
    this.backend = backend;
    floats = memory.allocate(DType.F32, rows, TokenSampler.FLOAT_FIELDS);
    ints = memory.allocate(DType.I32, rows, TokenSampler.INT_FIELDS);
    seen = memory.allocate(DType.U8, rows, vocabulary);
    tokens = memory.allocate(DType.I32, rows);
    marks = new byte[vocabulary];
  }

  /** Bytes of {@code rows} rows, but for a few a row. */
  static long bytes(int rows, int vocabulary) {
    return (long) rows * vocabulary;
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
    backend.upload(MemorySegment.ofArray(f), floats.slice(row, row + 1));
    backend.upload(MemorySegment.ofArray(i), ints.slice(row, row + 1));
    backend.upload(MemorySegment.ofArray(marks), seen.slice(row, row + 1));
  }

  /**
   * Chooses the next token of the rows from {@code first} on, in stream order.
   *
   * @param logits {@code [rows][vocabulary] f32}
   */
  void sample(int first, Buffer logits, Batch batch) {
    int end = first + batch.rows();
    backend.layers().sampler().sample(logits, batch, floats.slice(first, end),
        ints.slice(first, end), seen.slice(first, end), tokens.slice(first, end));
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
