package io.pariskv.generate;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.layer.TokenSampler;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;

/** The sampler of one sequence: its parameters and its last token, where the backend reads them. */
final class Sampling {
  private final Backend backend;
  private final Buffer floats;
  private final Buffer ints;
  private final Buffer seen;
  private final Buffer tokens;
  private final int[] token = new int[1];

  Sampling(Backend backend, Allocator memory, int vocabulary) {
    this.backend = backend;
    floats = memory.allocate(DType.F32, 1, TokenSampler.FLOAT_FIELDS);
    ints = memory.allocate(DType.I32, 1, TokenSampler.INT_FIELDS);
    seen = memory.allocate(DType.U8, 1, vocabulary);
    tokens = memory.allocate(DType.I32, 1);
  }

  /** Sets the parameters, and the prompt's tokens as those already seen. */
  void configure(GenerationOptions options, int[] prompt) {
    float[] f = {options.temperature(), options.topP(), options.minP(),
        options.repetitionPenalty()};
    int[] i = {options.topK(), (int) options.seed(), (int) (options.seed() >>> 32)};
    byte[] marks = new byte[Math.toIntExact(seen.byteSize())];
    for (int id : prompt) {
      marks[id] = 1;
    }
    backend.upload(MemorySegment.ofArray(f), floats);
    backend.upload(MemorySegment.ofArray(i), ints);
    backend.upload(MemorySegment.ofArray(marks), seen);
  }

  /** Chooses the next token, in stream order. */
  void sample(Buffer logits, Batch batch) {
    backend.layers().sampler().sample(logits, batch, floats, ints, seen, tokens);
  }

  /** The token last chosen, {@code [1] i32}, as the next step's input. */
  Buffer tokens() {
    return tokens;
  }

  /** Gives the next step another input than the token last chosen. */
  void put(int token) {
    backend.upload(MemorySegment.ofArray(new int[]{token}), tokens);
  }

  /** Waits for the token last chosen. */
  int token() {
    backend.download(tokens, MemorySegment.ofArray(token));
    return token[0];
  }
}
