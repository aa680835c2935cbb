package io.pariskv.generate;

import io.pariskv.error.InputException;
import io.pariskv.memory.DType;

/**
 * How to load a model.
 *
 * @param backend {@code auto}, or the name of a backend
 * @param kvDtype how K and V are stored: bf16, or f32 for comparison with other engines
 * @param prefillChunk prompt tokens of one pass; more are faster and take more scratch memory
 */
public record LoadOptions(String backend, DType kvDtype, int prefillChunk) {
  /** Tokens of one pass unless asked otherwise. */
  public static final int DEFAULT_PREFILL_CHUNK = 512;

  /** Checks the chunk; which types K and V can have is checked by {@code KvShape}. */
  public LoadOptions {
    if (prefillChunk < 1 || prefillChunk > 1 << 16) {
      throw new InputException("prefill-chunk " + prefillChunk + " must be from 1 to " + (1 << 16));
    }
  }

  /** The best backend of this machine, bf16. */
  public static LoadOptions defaults() {
    return new LoadOptions("auto", DType.BF16, DEFAULT_PREFILL_CHUNK);
  }

  /** These options with another backend. */
  public LoadOptions withBackend(String name) {
    return new LoadOptions(name, kvDtype, prefillChunk);
  }

  /** These options with another type of K and V. */
  public LoadOptions withKvDtype(DType type) {
    return new LoadOptions(backend, type, prefillChunk);
  }

  /** These options with another chunk. */
  public LoadOptions withPrefillChunk(int tokens) {
    return new LoadOptions(backend, kvDtype, tokens);
  }
}
