package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.retrieve.ContextBins;

/**
 * A method that attends as another one does, and counts where in the context its decode steps select: {@link
 * MethodState#selectedPlaces}. It takes a small launch a layer that selects, and 35 KB a sequence; steps are recorded as without it.
 *
 * @param method the other one; one that selects nothing is not counted either
 */
public record CountedMethod(AttentionMethod method) implements ForwardingMethod {

  /** {@inheritDoc} Counted, too. */
  @Override
  public AttentionMethod withoutDenseLayers() {
    return new CountedMethod(method.withoutDenseLayers());
  }

  @Override
  public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    return method.plan(plan, shape, slots, tokens)
        .with("counts of selected keys", slots * ContextBins.bytesOfSlot());
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    return CountedState.open(backend, kv, method.open(backend, kv));
  }

  @Override
  public String toString() {
    return method.toString();
  }
}
