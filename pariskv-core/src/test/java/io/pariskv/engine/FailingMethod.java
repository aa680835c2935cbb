package io.pariskv.engine;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ForwardingMethod;
import io.pariskv.method.ForwardingState;
import io.pariskv.method.FullAttention;
import io.pariskv.method.MethodState;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Full attention on a machine that breaks: decode steps throw what is in {@code failures}, one after another.
 *
 * @param failures filled on any thread; runtime exceptions and errors
 */
record FailingMethod(AttentionMethod method, Queue<Throwable> failures)
    implements
      ForwardingMethod {

  FailingMethod() {
    this(new FullAttention(), new ConcurrentLinkedQueue<>());
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    return new State(method.open(backend, kv), failures);
  }

  private record State(MethodState state, Queue<Throwable> failures) implements ForwardingState {
    @Override
    public void attend(int layer, Batch batch, Buffer q, Buffer out) {
      switch (failures.poll()) {
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        case null, default -> state.attend(layer, batch, q, out);
      }
    }
  }
}
