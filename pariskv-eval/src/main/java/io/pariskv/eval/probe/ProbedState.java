package io.pariskv.eval.probe;

import io.pariskv.kv.Batch;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.method.ForwardingState;
import io.pariskv.method.MethodState;
import java.util.List;
import java.util.function.Consumer;

/** The state of another method, looked at in every n-th step of its one sequence. */
final class ProbedState implements ForwardingState {
  private final MethodState state;
  private final int every;
  private final ExactAttention exact;
  private final Consumer<List<RetrievalPoint>> points;
  /** Decode steps since the prefill. */
  private int step;
  private TokenZones zones = TokenZones.dense(0);
  private boolean looking;

  ProbedState(MethodState state, int every, ExactAttention exact,
      Consumer<List<RetrievalPoint>> points) {
    this.state = state;
    this.every = every;
    this.exact = exact;
    this.points = points;
  }

  @Override
  public MethodState state() {
    return state;
  }

  @Override
  public long prepare(List<TokenZones> sequences) {
    if (sequences.size() != 1) {
      throw new IllegalArgumentException(
          "a probe looks at one sequence, not at a batch of " + sequences.size());
    }
    zones = sequences.getFirst().appended(1);
    looking = step % every == 0 && zones.retrievalTokens() > 0;
    return state.prepare(sequences);
  }

  @Override
  public boolean recordable() {
    return !looking && state.recordable();
  }

  @Override
  public void attend(int layer, Batch batch, Buffer q, Buffer out) {
    state.attend(layer, batch, q, out);
    if (looking && exact.sees(layer) && !state.dense(layer)) {
      points.accept(exact.compare(step, layer, batch, zones, q, out, state.selection()));
    }
  }

  @Override
  public TokenZones appended(int slot, TokenZones next, boolean prefill) {
    step = prefill ? 0 : step + 1;
    return state.appended(slot, next, prefill);
  }

  @Override
  public TokenZones truncated(int slot, int length) {
    step = 0;
    return state.truncated(slot, length);
  }
}
