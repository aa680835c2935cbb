package io.pariskv.method;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.MemoryPlan;

/** A method that does what another one does, but for what it overrides: most likely {@link #open}. */
public interface ForwardingMethod extends AttentionMethod {

  /** The other one. */
  AttentionMethod method();

  @Override
  default String name() {
    return method().name();
  }

  @Override
  default void check(KvShape shape) {
    method().check(shape);
  }

  @Override
  default int selectedKeys() {
    return method().selectedKeys();
  }

  @Override
  default int k() {
    return method().k();
  }

  /** {@inheritDoc} The other one's, which forwards nothing. */
  @Override
  default AttentionMethod withoutDenseLayers() {
    return method().withoutDenseLayers();
  }

  @Override
  default MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    return method().plan(plan, shape, slots, tokens);
  }
}
