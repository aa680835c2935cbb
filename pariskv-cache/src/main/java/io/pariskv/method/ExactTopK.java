package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.backend.SelectionStages;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.retrieve.Grouping;
import org.jspecify.annotations.Nullable;

/**
 * Attends the keys of the retrieval zone with the best true scores, beside the sink and the recent tokens: the
 * ceiling of every method that selects {@code k} keys. It reads all of K at every step, from host memory if it is
 * there, so it is for comparison, not for use. Takes any head size.
 *
 * <p>{@link Grouping#MEAN}: by the scores of the group's mean query. {@link Grouping#PER_HEAD}: by the sum of the attention
 * weights that the group's heads would give a key in the zone. The sum, not the largest: with one selection for all
 * heads it keeps the most attention that {@code k} keys can have.
 *
 * @param zones the zones
 * @param k keys selected in a KV head
 * @param grouping how the heads of a group choose together
 */
public record ExactTopK(ZoneSettings zones, int k, Grouping grouping) implements AttentionMethod {

  /** Checks {@code k >= 1}. */
  public ExactTopK {
    ZoneSettings.requireAtLeast("k", k, 1);
  }

  @Override
  public String name() {
    return "exact-topk";
  }

  @Override
  public void check(KvShape shape) {
    // Nothing to refuse: any geometry that can be stored can be scored.
  }

  @Override
  public int selectedKeys() {
    return k;
  }

  @Override
  public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    return plan.with("selection scratch",
        slots * scratchBytes(shape, SelectingState.bucket(tokens)));
  }

  private long scratchBytes(KvShape shape, int keys) {
    long scores = grouping == Grouping.MEAN ? shape.kvHeads() : shape.heads() + shape.kvHeads();
    return 4 * (scores * keys + shape.kvHeads() * (Math.min(k, keys) + 1L));
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    return new State(this, backend, kv);
  }

  private static final class State extends SelectingState {
    private final ExactTopK method;

    State(ExactTopK method, Backend backend, KvStore kv) {
      super(backend, kv, method.zones);
      this.method = method;
    }

    @Override
    Selector newSelector(int rows, int keys) {
      return new KeySelector(method, backend(), kv(), rows, keys);
    }

    @Override
    public StepCost cost(int slot, TokenZones zones) {
      int keys = zones.retrievalTokens();
      int attended = zones.residentTokens() + Math.min(method.k, keys);
      return Costs.of(kv().shape(), zones.length(),
          layer -> new Costs.Layer(attended, attended + keys / 2.0, 0)); // K of all keys is half of K and V
    }
  }

  /** Scores of all keys, and the best of them. */
  private static final class KeySelector extends ScratchSelector {
    private final ExactTopK method;
    private final SelectionStages stages;
    private final KvStore kv;
    private final Buffer scores;
    private final @Nullable Buffer combined;
    private final Selection selection;

    KeySelector(ExactTopK method, Backend backend, KvStore kv, int rows, int keys) {
      super(backend, rows, keys);
      KvShape shape = kv.shape();
      boolean perHead = method.grouping == Grouping.PER_HEAD;
      int selected = Math.min(method.k, keys);
      this.method = method;
      this.stages = backend.selection();
      this.kv = kv;
      try {
        scores = memory().allocate(DType.F32, rows, perHead ? shape.heads() : shape.kvHeads(),
            keys);
        combined = perHead ? memory().allocate(DType.F32, rows, shape.kvHeads(), keys) : null;
        selection = Selection.allocate(memory(), rows, shape.kvHeads(), selected);
      } catch (RuntimeException | Error e) {
        close();
        throw e;
      }
    }

    @Override
    public Selection select(int layer, Batch batch, Buffer q) {
      stages.keyScores().score(kv, layer, batch, q, method.grouping, scores);
      if (combined != null) {
        stages.headWeights().combine(kv, batch, scores, combined);
      }
      stages.zoneTopK().select(kv, batch, combined != null ? combined : scores, 1, method.k,
          selection);
      return selection;
    }
  }
}
