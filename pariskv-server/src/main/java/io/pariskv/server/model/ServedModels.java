package io.pariskv.server.model;

import io.pariskv.error.InputException;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The models of a server by their ids, in the order given. Immutable. */
public final class ServedModels {
  private final Map<String, ServedModel> byId = new LinkedHashMap<>();

  /** @throws InputException if there is none, or two have one id */
  public ServedModels(List<ServedModel> models) {
    if (models.isEmpty()) {
      throw new InputException("a server needs a model; give at least one");
    }
    for (ServedModel model : models) {
      if (byId.put(model.id(), model) != null) {
        throw new InputException(
            "two models have the name " + model.id() + "; give one another name by NAME=DIR");
      }
    }
  }

  /** The model with this id, or null. */
  public @Nullable ServedModel find(String id) {
    return byId.get(id);
  }

  /** The only model, or null if there are several. */
  public @Nullable ServedModel only() {
    return byId.size() == 1 ? byId.values().iterator().next() : null;
  }

  /** All of them. */
  public Collection<ServedModel> all() {
    return List.copyOf(byId.values());
  }
}
