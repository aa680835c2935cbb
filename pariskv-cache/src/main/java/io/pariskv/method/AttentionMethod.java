package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.MemoryPlan;

/** A way to attend a long context: which keys a decode step reads. Immutable settings. */
public interface AttentionMethod {

  /** The name that {@code --method} takes. */
  String name();

  /**
   * Refuses a geometry that the method cannot serve.
   *
   * @throws io.pariskv.error.InputException naming the number found and those allowed
   */
  void check(KvShape shape);

  /**
   * Most keys of the retrieval zone that a decode step selects for a KV head, whose rows a cache may keep; 0 if it
   * selects none, or others for each query head, which no cache keeps.
   */
  default int selectedKeys() {
    return 0;
  }

  /**
   * Keys of the retrieval zone that a decode step is set to retrieve, about so many if they are sampled; 0 if no number is
   * set, since there is nothing to retrieve or it follows from something else.
   */
  default int k() {
    return 0;
  }

  /** The same method without layers that attend everything: for people who time a layer that selects. */
  default AttentionMethod withoutDenseLayers() {
    return this;
  }

  /** {@code plan} with what this method keeps for {@code slots} sequences of {@code tokens} tokens. */
  MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens);

  /** The method at work on {@code kv}; the caller closes it before the store. */
  MethodState open(Backend backend, KvStore kv);
}
