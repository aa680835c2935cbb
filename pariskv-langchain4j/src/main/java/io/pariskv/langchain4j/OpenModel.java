package io.pariskv.langchain4j;

import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import io.pariskv.engine.Engine;
import io.pariskv.generate.LanguageModel;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** What a chat model is, whole or streaming: a model, and what of it was opened for it alone. */
abstract class OpenModel implements AutoCloseable {
  private final Opened opened;
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * A model to answer with.
   *
   * @param ownModel closed with it; null if the application closes it
   * @param ownEngine closed with it; null if the application closes it
   */
  record Opened(LocalModel model, @Nullable LanguageModel ownModel, @Nullable Engine ownEngine) {
  }

  OpenModel(Opened opened) {
    this.opened = opened;
  }

  final LocalModel model() {
    return opened.model();
  }

  /** What requests leave open. */
  public final ChatRequestParameters defaultRequestParameters() {
    return model().defaults();
  }

  /** Those that hear of all requests. */
  public final List<ChatModelListener> listeners() {
    return model().listeners();
  }

  /** Answers that are JSON of a schema. */
  public final Set<Capability> supportedCapabilities() {
    return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
  }

  /** None of those that LangChain4j knows. */
  public final ModelProvider provider() {
    return ModelProvider.OTHER;
  }

  /** {@inheritDoc} Answers under way fail. Any thread may close it. */
  @Override
  public final void close() {
    if (closed.compareAndSet(false, true)) {
      if (Thread.currentThread().isVirtual()) { // which could not drive a GPU
        try (ExecutorService platform = Executors.newSingleThreadExecutor()) {
          CompletableFuture.runAsync(this::closeOwn, platform).join();
        }
      } else {
        closeOwn();
      }
    }
  }

  @SuppressWarnings("try") // closed in the end, last first
  private void closeOwn() {
    try (LanguageModel second = opened.ownModel(); Engine first = opened.ownEngine()) {
      // nothing else
    }
  }
}
