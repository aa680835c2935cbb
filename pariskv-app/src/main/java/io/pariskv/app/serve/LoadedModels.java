package io.pariskv.app.serve;

import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.memory.Opened;
import io.pariskv.method.AttentionMethod;
import io.pariskv.saved.SavedCaches;
import io.pariskv.server.model.ServedModel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Models with their engines, ready to be served; closed all together, each engine before its model. */
public final class LoadedModels implements AutoCloseable {
  private final List<ServedModel> served = new ArrayList<>();
  private final List<LanguageModel> models = new ArrayList<>();
  /** For each model, of its backend. */
  private final List<List<String>> reasons = new ArrayList<>();
  private final Deque<AutoCloseable> open = new ArrayDeque<>();

  private LoadedModels() {
  }

  /**
   * Loads them, one after the other.
   *
   * @param caches directory with files of caches, null for none
   * @throws io.pariskv.error.InputException if one cannot be loaded or served; nothing stays open then
   */
  public static LoadedModels load(List<NamedModel> named, LoadOptions loading,
      AttentionMethod method, EngineOptions options, @Nullable Path caches) {
    LoadedModels loaded = new LoadedModels();
    Opened opened = new Opened();
    try {
      for (NamedModel each : named) {
        LanguageModel model = opened.keep(LanguageModel.load(each.directory(), loading,
            plan -> loaded.reasons.add(plan.choice().reasons())));
        loaded.open.push(model);
        SavedCaches saved = caches == null
            ? null
            : SavedCaches.open(caches, model.identity(), model.kvShape());
        Engine engine = opened.keep(Engine.start(model, method, options, saved));
        loaded.open.push(engine);
        loaded.models.add(model);
        loaded.served.add(ServedModel.of(each.name(), model, engine, method));
      }
      return loaded;
    } catch (RuntimeException | Error e) {
      opened.closeAfter(e);
      throw e;
    }
  }

  /** What a server takes. */
  public List<ServedModel> served() {
    return served;
  }

  /** Why their backends are no others, and what makes them slow; a line each. */
  public List<String> notes() {
    return reasons.stream().flatMap(List::stream).distinct().toList();
  }

  /** A line about each. */
  public List<String> descriptions() {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < served.size(); i++) {
      ServedModel each = served.get(i);
      lines.add(each.id() + ", " + each.context() + " tokens of context, backend "
          + models.get(i).backend().name());
    }
    return lines;
  }

  /** {@inheritDoc} All of them, even if one fails. */
  @Override
  public void close() {
    RuntimeException failure = null;
    for (AutoCloseable each : open) {
      try {
        each.close();
      } catch (Exception e) {
        if (failure == null) {
          failure = new IllegalStateException("a model could not be closed", e);
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    open.clear();
    if (failure != null) {
      throw failure;
    }
  }
}
