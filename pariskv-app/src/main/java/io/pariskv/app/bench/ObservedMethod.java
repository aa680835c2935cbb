package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.MethodState;
import io.pariskv.method.StepCost;
import io.pariskv.retrieve.Retrieval;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A method that shows somebody what every step selects. For backends whose steps are not really recorded: it
 * reads the selection back within the step.
 */
record ObservedMethod(AttentionMethod method, Observer observer) implements AttentionMethod {

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
  public String name() {
    return method.name();
  }

  @Override
  public void check(KvShape shape) {
    method.check(shape);
  }

  @Override
  public int selectedKeys() {
    return method.selectedKeys();
  }

  @Override
  public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    return method.plan(plan, shape, slots, tokens);
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    return new State(backend, method.open(backend, kv), kv.shape(), observer);
  }

  /** What is selected for each KV head of each row; waits for all work before. */
  static int[][] heads(Backend backend, Selection selection) {
    int[] positions = ints(backend, selection.positions());
    int[] counts = ints(backend, selection.counts());
    int[][] heads = new int[counts.length][];
    for (int i = 0; i < counts.length; i++) {
      int from = i * selection.capacity();
      heads[i] = Arrays.copyOfRange(positions, from, from + counts[i]);
    }
    return heads;
  }

  private static int[] ints(Backend backend, Buffer buffer) {
    int[] values = new int[Math.toIntExact(buffer.shape().elements())];
    backend.download(buffer, MemorySegment.ofArray(values));
    return values;
  }

  private record State(Backend backend, MethodState state, KvShape shape,
      Observer observer) implements MethodState {
    @Override
    public void beforeStep(int slot, TokenZones zones) {
      state.beforeStep(slot, zones);
    }

    @Override
    public long prepare(List<TokenZones> zones) {
      return state.prepare(zones);
    }

    @Override
    public void attend(int layer, Batch batch, Buffer q, Buffer out) {
      state.attend(layer, batch, q, out);
      Retrieval retrieval = state.retrieval();
      if (retrieval != null && shape.window(layer) == 0) {
        show(layer, retrieval.selection());
      }
    }

    private void show(int layer, Selection selection) {
      int[][] heads = heads(backend, selection);
      for (int i = 0; i < heads.length; i++) {
        observer.selected(layer, i / shape.kvHeads(), i % shape.kvHeads(), heads[i]);
      }
    }

    @Override
    public void layerAppended(int layer, int slot, TokenZones zones) {
      state.layerAppended(layer, slot, zones);
    }

    @Override
    public void rolledBack(int slot) {
      state.rolledBack(slot);
    }

    @Override
    public TokenZones appended(int slot, TokenZones zones, boolean prefill) {
      return state.appended(slot, zones, prefill);
    }

    @Override
    public TokenZones truncated(int slot, int length) {
      return state.truncated(slot, length);
    }

    @Override
    public @Nullable Retrieval retrieval() {
      return state.retrieval();
    }

    @Override
    public StepCost cost(TokenZones zones) {
      return state.cost(zones);
    }

    @Override
    public long bytes() {
      return state.bytes();
    }

    @Override
    public void release(int slot) {
      state.release(slot);
    }

    @Override
    public void close() {
      state.close();
    }
  }
}
