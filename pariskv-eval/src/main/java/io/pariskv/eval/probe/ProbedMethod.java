package io.pariskv.eval.probe;

import io.pariskv.backend.Backend;
import io.pariskv.kv.KvStore;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ForwardingMethod;
import io.pariskv.method.MethodState;
import java.util.ArrayList;
import java.util.List;

/**
 * A method that attends as another one does and, in every n-th decode step, looks at what it selected. A step that is
 * looked at is not recorded, and reads all K of the sequence back to the host: slow, so {@code every} should be large
 * for long contexts. For pools of one sequence.
 */
public final class ProbedMethod implements ForwardingMethod {
  /** Best keys that recall asks for where a method has no number of its own: those of ParisKV's published settings. */
  public static final int USUAL_K = 100;

  private final AttentionMethod method;
  private final int every;
  private final List<RetrievalPoint> points = new ArrayList<>();

  /**
   * A probe that has seen nothing.
   *
   * @param method what attends
   * @param every steps from one that is looked at to the next, at least 1
   */
  public ProbedMethod(AttentionMethod method, int every) {
    if (every < 1) {
      throw new IllegalArgumentException("a probe every " + every + " steps; at least 1 is needed");
    }
    this.method = method;
    this.every = every;
  }

  /** What it saw since the last call, in the order of the steps. */
  public List<RetrievalPoint> take() {
    List<RetrievalPoint> seen = List.copyOf(points);
    points.clear();
    return seen;
  }

  @Override
  public AttentionMethod method() {
    return method;
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    return new ProbedState(method.open(backend, kv), every,
        new ExactAttention(backend, kv, method.k() > 0 ? method.k() : USUAL_K), points::addAll);
  }

  @Override
  public String toString() {
    return method.toString();
  }
}
