package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.MemoryPlan;

/**
 * Attends the sink and the recent tokens, and nothing of what lies between: the floor that every method which
 * selects must be above (StreamingLLM, arXiv 2309.17453, with the positions as they are). Takes any head size.
 *
 * @param zones which tokens; with an update interval of 1 the window is {@code local} tokens at every step
 */
public record WindowAttention(ZoneSettings zones) implements AttentionMethod {

  @Override
  public String name() {
    return "window";
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
    return new UnselectingState(backend, kv, zones);
  }
}
