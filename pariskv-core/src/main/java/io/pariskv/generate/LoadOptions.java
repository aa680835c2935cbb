package io.pariskv.generate;

import io.pariskv.backend.Backend;
import io.pariskv.error.InputException;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.memory.DType;

/**
 * How to load a model.
 *
 * @param backend {@code auto}, or the name of a backend
 * @param kvDtype how K and V are stored: bf16, or f32 for comparison with other engines, where nothing is
 *     rounded that need not be
 * @param prefillChunk prompt tokens of one pass, 0 for the backend's choice; more are faster and take
 *     more scratch memory
 * @param offload whether K and V live in host memory beside a GPU
 * @param rowCache how many selected rows a GPU keeps then beside K and V in host memory
 * @param context most tokens of a sequence, refused at once if they do not fit in memory; 0 for as many
 *     as fit and the model has positions for
 */
public record LoadOptions(String backend, DType kvDtype, int prefillChunk, Offload offload,
    RowCacheSize rowCache, int context) {

  /** Checks the numbers; which types K and V can have is checked by {@code KvShape}. */
  public LoadOptions {
    if (prefillChunk < 0 || prefillChunk > 1 << 16) {
      throw new InputException("prefill-chunk " + prefillChunk + " must be from 1 to " + (1 << 16)
          + ", or 0 for the backend's choice");
    }
    if (context < 0) {
      throw new InputException("context " + context
          + " must be at least 1, or 0 for as much as fits");
    }
  }

  /** The best backend of this machine, bf16. */
  public static LoadOptions defaults() {
    return new LoadOptions("auto", DType.BF16, 0, Offload.AUTO, RowCacheSize.AUTO, 0);
  }

  /** These options with another backend. */
  public LoadOptions withBackend(String name) {
    return new LoadOptions(name, kvDtype, prefillChunk, offload, rowCache, context);
  }

  /** These options with another type of K and V. */
  public LoadOptions withKvDtype(DType type) {
    return new LoadOptions(backend, type, prefillChunk, offload, rowCache, context);
  }

  /** These options with another chunk. */
  public LoadOptions withPrefillChunk(int tokens) {
    return new LoadOptions(backend, kvDtype, tokens, offload, rowCache, context);
  }

  /** These options with K and V elsewhere. */
  public LoadOptions withOffload(Offload other) {
    return new LoadOptions(backend, kvDtype, prefillChunk, other, rowCache, context);
  }

  /** These options with another cache of rows. */
  public LoadOptions withRowCache(RowCacheSize size) {
    return new LoadOptions(backend, kvDtype, prefillChunk, offload, size, context);
  }

  /** These options for sequences of up to {@code tokens} tokens. */
  public LoadOptions withContext(int tokens) {
    return new LoadOptions(backend, kvDtype, prefillChunk, offload, rowCache, tokens);
  }

  /** Prompt tokens of one pass on {@code machine}. */
  int chunk(Backend machine) {
    return prefillChunk > 0 ? prefillChunk : machine.prefillChunk(kvDtype == DType.F32);
  }
}
