package io.pariskv.server.model;

import io.pariskv.generate.LanguageModel;
import io.pariskv.memory.AvailableMemory;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import org.jspecify.annotations.Nullable;

/**
 * What a person may want to know of a served model; requests do not depend on it.
 *
 * @param method what decode steps attend, null if not known
 * @param backend where it runs, null if not known
 * @param plan memory of the model and one sequence of {@code plannedTokens}, null if not known
 * @param available memory before the model was loaded
 */
public record ModelAbout(@Nullable String method, @Nullable String backend,
    @Nullable MemoryPlan plan, int plannedTokens, AvailableMemory available) {
  /** Nothing is known. */
  public static final ModelAbout NOTHING = new ModelAbout(null, null, null, 0,
      AvailableMemory.NONE);

  /** Of a loaded model whose sequences have up to {@code tokens} tokens. */
  static ModelAbout of(LanguageModel model, AttentionMethod method, int tokens) {
    return new ModelAbout(method.name(), model.backend().name(),
        model.plan().whole(method, tokens), tokens, model.plan().availableAtFirst());
  }
}
