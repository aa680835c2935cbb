package io.pariskv.langchain4j;

import io.pariskv.engine.Engine;
import io.pariskv.generate.LanguageModel;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** A model, and what of it was opened for it alone. */
final class OpenModel implements AutoCloseable {
  private final LocalModel model;
  private final @Nullable LanguageModel ownModel;
  private final @Nullable Engine ownEngine;
  private final AtomicBoolean closed = new AtomicBoolean();

  /** What is null was given by the application, which closes it. */
  OpenModel(LocalModel model, @Nullable LanguageModel ownModel, @Nullable Engine ownEngine) {
    this.model = model;
    this.ownModel = ownModel;
    this.ownEngine = ownEngine;
  }

  LocalModel model() {
    return model;
  }

  /** {@inheritDoc} Answers under way fail. */
  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public void close() {
    if (closed.compareAndSet(false, true)) {
      try (LanguageModel second = ownModel; Engine first = ownEngine) {
        // nothing else
      }
    }
  }
}
