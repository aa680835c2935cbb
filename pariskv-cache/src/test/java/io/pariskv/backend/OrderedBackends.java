package io.pariskv.backend;

import io.pariskv.backend.scalar.ScalarBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Chooses between a backend of a test and the scalar one, as {@link Backends} does between those of the build. */
public final class OrderedBackends {
  private final List<Backends.Entry> order;

  /** With one that is preferred. */
  public OrderedBackends(String name, Supplier<@Nullable String> unusable,
      Supplier<Backend> open) {
    this.order = List.of(new Backends.Entry(name, unusable, open),
        new Backends.Entry("scalar", () -> null, ScalarBackend::new));
  }

  /** As {@link Backends#choose}. */
  public Backends.Choice choose(String name) {
    return Backends.choose(name, order);
  }

  /** As {@link Backends#each}; what was opened is closed. */
  public List<Backends.Attempt> attempts() {
    List<Backends.Attempt> attempts = new ArrayList<>();
    Backends.each(attempts::add, order);
    return attempts;
  }
}
