package io.pariskv.eval;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A task that does what another one does, but for what it overrides. */
public interface ForwardingTask extends Task {

  /** The other one. */
  Task task();

  @Override
  default String name() {
    return task().name();
  }

  @Override
  default boolean sized() {
    return task().sized();
  }

  @Override
  default int tokens() {
    return task().tokens();
  }

  @Override
  default @Nullable Protocol protocol() {
    return task().protocol();
  }

  @Override
  default List<Sample> samples(SampleRequest request) {
    return task().samples(request);
  }

  @Override
  default Grade grade(Sample sample, Answer answer) {
    return task().grade(sample, answer);
  }
}
