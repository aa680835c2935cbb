package io.pariskv.backend;

import io.pariskv.backend.cuda.CudaBackend;
import io.pariskv.backend.cuda.CudaException;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.backend.vector.VectorBackend;
import io.pariskv.error.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
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

  /**
   * An attempt to open one of them.
   *
   * @param candidate which, and why it cannot be used, if that is so
   * @param backend null if it cannot be used; else the caller closes it
   */
  public record Attempt(Candidate candidate, @Nullable Backend backend) {
  }

  /**
   * The backend that was taken.
   *
   * @param backend the caller closes it
   * @param refused those that come before it and cannot be used, with their reasons
   */
  public record Choice(Backend backend, List<Candidate> refused) {

    /** The same, not to be changed. */
    public Choice {
      refused = List.copyOf(refused);
    }

    /** Why each other backend was not taken, and what makes this one slow; a line each. */
    public List<String> reasons() {
      Stream<String> others = refused.stream()
          .map(each -> each.name() + " cannot be used: " + each.unusable());
      return Stream.concat(others, backend.shortcomings().stream())
          .map(line -> "backend " + backend.name() + ": " + line).toList();
    }
  }

  /** How a backend is found unusable, in words, before it is opened, and how it is opened. */
  record Entry(String name, Supplier<@Nullable String> unusable, Supplier<Backend> open) {
  }

  private static final List<Entry> ORDER = List.of(
      new Entry("cuda", CudaBackend::unusable, CudaBackend::new),
      new Entry("vector", VectorBackend::unusable, VectorBackend::new),
      new Entry("scalar", () -> null, ScalarBackend::new));

  /**
   * All backends in order of preference, each with the reason it cannot be used, if any. Opens none, so one may still fail
   * to open: a GPU that is full, or held by another program.
   */
  public static List<Candidate> candidates() {
    return ORDER.stream().map(entry -> new Candidate(entry.name, entry.unusable.get())).toList();
  }

  /** Tries to open every backend in turn, in order of preference; each is closed when {@code use} is done with it. */
  public static void each(Consumer<Attempt> use) {
    each(use, ORDER);
  }

  @SuppressWarnings("try") // closed in the end
  static void each(Consumer<Attempt> use, List<Entry> order) {
    for (Entry entry : order) {
      Attempt attempt = attempt(entry);
      try (Backend backend = attempt.backend) {
        use.accept(attempt);
      }
    }
  }

  private static Attempt attempt(Entry entry) {
    try {
      return new Attempt(new Candidate(entry.name, null), open(entry));
    } catch (InputException e) {
      return new Attempt(new Candidate(entry.name, e.getMessage()), null);
    }
  }

  /**
   * Opens a backend; the caller closes it.
   *
   * @param name a backend's name, or {@code auto} for the first that can be used
   * @throws InputException if there is no such backend, or it cannot be used here; never another one
   *     instead
   */
  public static Backend open(String name) {
    return choose(name).backend;
  }

  /** As {@link #open}, with the reasons against those that {@code auto} prefers. */
  public static Choice choose(String name) {
    return choose(name, ORDER);
  }

  static Choice choose(String name, List<Entry> order) {
    List<Candidate> refused = new ArrayList<>();
    for (Entry entry : order) {
      if (!name.equals("auto") && !name.equals(entry.name)) {
        continue;
      }
      try {
        return new Choice(open(entry), refused);
      } catch (InputException e) {
        if (!name.equals("auto")) {
          throw new InputException("backend " + name + " cannot be used: " + e.getMessage(),
              e.getCause());
        }
        refused.add(new Candidate(entry.name, e.getMessage()));
      }
    }
    throw new InputException("no backend '" + name + "'; choose one of auto, "
        + order.stream().map(Entry::name).collect(Collectors.joining(", ")));
  }

  /**
   * Opens one. What fails then is a reason like those that are known before: the machine cannot do it now.
   *
   * @throws InputException with the reason alone
   */
  private static Backend open(Entry entry) {
    String unusable = entry.unusable.get();
    if (unusable != null) {
      throw new InputException(unusable);
    }
    try {
      return entry.open.get();
    } catch (CudaException | IllegalStateException | OutOfMemoryError e) {
      throw new InputException(String.valueOf(e.getMessage()), e);
    }
  }
}
