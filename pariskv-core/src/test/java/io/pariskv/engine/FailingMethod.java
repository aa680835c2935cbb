package io.pariskv.engine;

import io.pariskv.backend.Backend;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.MethodState;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Full attention on a machine that breaks: decode steps throw what {@link #failWith} says, one after another. */
final class FailingMethod implements AttentionMethod {
  private final FullAttention full = new FullAttention();
  private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();

  /** Lets the next step fail that has no other failure before it. */
  void failWith(Throwable failure) {
    failures.add(failure);
  }

  @Override
  public String name() {
    return "failing";
  }

  @Override
  public void check(KvShape shape) {
    full.check(shape);
  }

  @Override
  public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    return full.plan(plan, shape, slots, tokens);
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    MethodState state = full.open(backend, kv);
    return (MethodState) Proxy.newProxyInstance(MethodState.class.getClassLoader(),
        new Class<?>[]{MethodState.class}, (proxy, method, arguments) -> {
          Throwable failure = method.getName().equals("attend") ? failures.poll() : null;
          if (failure != null) {
            throw failure;
          }
          try {
            return method.invoke(state, arguments);
          } catch (InvocationTargetException e) {
            throw e.getTargetException();
          }
        });
  }
}
