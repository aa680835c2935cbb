package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.MemoryPlan;

/** Attends every key. The reference in quality, and the peer in speed. Takes any head size. */
public record FullAttention() implements AttentionMethod {

  @Override
  public String name() {
    return "full";
  }

  @Override
  public void check(KvShape shape) {
    // Nothing to refuse: any geometry that can be stored can be attended.
  }

  @Override
  public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    return plan;
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    return new UnselectingState(backend, kv, (zones, _) -> zones);
  }
}
