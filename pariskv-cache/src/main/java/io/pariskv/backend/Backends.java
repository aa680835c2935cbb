package io.pariskv.backend;

import io.pariskv.backend.cuda.CudaBackend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.backend.vector.VectorBackend;
import io.pariskv.error.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Chooses a backend, in the order cuda, vector, scalar, and says why the others were not taken. */
public final class Backends {
  private Backends() {
  }

  /**
   * A backend this build knows.
   *
   * @param name what {@code --backend} takes
   * @param unusable why it cannot be used on this machine, or null if it can
   */
  public record Candidate(String name, @Nullable String unusable) {
  }

  private record Entry(String name, Supplier<@Nullable String> unusable, Supplier<Backend> open) {
  }

  private static final List<Entry> ORDER = List.of(
      new Entry("cuda", CudaBackend::unusable, CudaBackend::new),
      new Entry("vector", VectorBackend::unusable, VectorBackend::new),
      new Entry("scalar", () -> null, ScalarBackend::new));

  /** All backends in order of preference, each with the reason it cannot be used, if any. */
  public static List<Candidate> candidates() {
    return ORDER.stream().map(entry -> new Candidate(entry.name, entry.unusable.get())).toList();
  }

  /**
   * Opens a backend; the caller closes it.
   *
   * @param name a backend's name, or {@code auto} for the first that can be used
   * @throws InputException if there is no such backend, or it cannot be used here; never another one
   *     instead
   */
  public static Backend open(String name) {
    List<String> names = new ArrayList<>(List.of("auto"));
    for (Entry entry : ORDER) {
      names.add(entry.name);
      if (!name.equals("auto") && !name.equals(entry.name)) {
        continue;
      }
      String unusable = entry.unusable.get();
      if (unusable == null) {
        return entry.open.get();
      }
      if (!name.equals("auto")) {
        throw new InputException("backend " + name + " cannot be used: " + unusable);
      }
    }
    throw new InputException(
        "no backend '" + name + "'; choose one of " + String.join(", ", names));
  }
}
