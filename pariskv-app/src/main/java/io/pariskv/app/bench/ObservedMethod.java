package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ForwardingMethod;
import io.pariskv.method.ForwardingState;
import io.pariskv.method.MethodState;
import io.pariskv.retrieve.Retrieval;

/**
 * A method that shows somebody what every step selects. For backends whose steps are not really recorded: it
 * reads the selection back within the step.
 */
record ObservedMethod(AttentionMethod method, Observer observer) implements ForwardingMethod {

  /** Who looks on. */
  @FunctionalInterface
  interface Observer {
    /**
     * One row of a step has selected.
     *
     * @param positions zone positions, ascending
     */
    void selected(int layer, int row, int kvHead, int[] positions);
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    return new State(backend, method.open(backend, kv), kv.shape(), observer);
  }

  private record State(Backend backend, MethodState state, KvShape shape,
      Observer observer) implements ForwardingState {
    @Override
    public void attend(int layer, Batch batch, Buffer q, Buffer out) {
      state.attend(layer, batch, q, out);
      Retrieval retrieval = state.retrieval();
      if (retrieval != null && shape.window(layer) == 0) {
        show(layer, retrieval.selection());
      }
    }

    private void show(int layer, Selection selection) {
      int[][] heads = backend.download(selection);
      for (int i = 0; i < heads.length; i++) {
        observer.selected(layer, i / shape.kvHeads(), i % shape.kvHeads(), heads[i]);
      }
    }
  }
}
