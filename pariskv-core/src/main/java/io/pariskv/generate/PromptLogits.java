package io.pariskv.generate;

import io.pariskv.backend.Backend;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.KvCache;
import io.pariskv.cache.Rows;
import io.pariskv.error.InputException;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.FullAttention;
import io.pariskv.transformer.Transformer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The logits a model gives at chosen positions of a prompt, with full attention. */
public final class PromptLogits {
  private PromptLogits() {
  }

  /**
   * Computes them by prefill, chunk after chunk.
   *
   * @param ids the prompt
   * @param positions in any order, each in {@code [0, ids.length)}
   * @return {@code [positions][vocabulary]}
   * @throws InputException if an id or a position is out of range, or the prompt too long
   */
  public static float[][] compute(LanguageModel model, int[] ids, int[] positions) {
    model.checkPrompt(ids, ids.length);
    for (int position : positions) {
      if (position < 0 || position >= ids.length) {
        throw new InputException(
            "position " + position + " is outside the prompt of " + ids.length
                + " tokens; give one from 0 to "
                + (ids.length - 1));
      }
    }
    Backend backend = model.backend();
    Transformer transformer = model.transformer();
    float[][] result = new float[positions.length][model.config().vocabSize()];
    try (CachePool pool = new CachePool(backend, model.kvShape(), new FullAttention(), 1);
        KvCache cache = pool.open();
        Allocator memory = backend.newAllocator()) {
      Buffer tokens = memory.allocate(DType.I32, transformer.maxRows());
      Buffer logits = memory.allocate(DType.F32, 1, model.config().vocabSize());
      transformer.setSequenceLength(ids.length);
      for (int from = 0; from < ids.length; from += transformer.maxRows()) {
        int count = Math.min(transformer.maxRows(), ids.length - from);
        backend.upload(MemorySegment.ofArray(Arrays.copyOfRange(ids, from, from + count)),
            tokens.slice(0, count));
        try (Rows rows = cache.prefill(count)) {
          Buffer hidden = transformer.forward(rows, tokens.slice(0, count));
          takeLogits(model, hidden, logits, from, positions, result);
          rows.commit();
        }
      }
    }
    return result;
  }

  private static void takeLogits(LanguageModel model, Buffer hidden, Buffer logits, int from,
      int[] positions, float[][] result) {
    int count = hidden.shape().extent(0);
    for (int row = 0; row < count; row++) {
      boolean computed = false;
      for (int i = 0; i < positions.length; i++) {
        if (positions[i] == from + row) {
          if (!computed) { // computing normalises the row in place: once only
            model.transformer().logits(hidden.slice(row, row + 1), logits);
            computed = true;
          }
          model.backend().download(logits, MemorySegment.ofArray(result[i]));
        }
      }
    }
  }
}
