package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** Scores of all codes for each query head, the weights that they give a key together, and the best of those. */
final class PqSelector extends ScratchSelector {
  private final PqState state;
  private final PqCache method;
  private final Backend backend;
  private final KvStore kv;
  private final ZoneTable codebooks;
  private final ZoneTable codes;
  private final Buffer budgets;
  private final Buffer scores;
  private final Buffer weights;
  private final Selection selection;

  PqSelector(PqState state, PqCache method, int rows, int keys, ZoneTable codebooks,
      ZoneTable codes, Buffer budgets) {
    super(state.backend(), rows, keys);
    this.state = state;
    this.method = method;
    this.backend = state.backend();
    this.kv = state.kv();
    this.codebooks = codebooks;
    this.codes = codes;
    this.budgets = budgets;
    KvShape shape = kv.shape();
    int selected = Math.min(state.most(), keys);
    try {
      scores = memory().allocate(DType.F32, rows, shape.heads(), keys);
      weights = memory().allocate(DType.F32, rows, shape.kvHeads(), keys);
      selection = Selection.allocate(memory(), rows, shape.kvHeads(), selected);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** Bytes that a sequence takes with {@code keys} keys of which {@code k} are selected. */
  static long bytes(KvShape shape, int keys, int k) {
    return 4 * ((long) (shape.heads() + shape.kvHeads()) * keys
        + shape.kvHeads() * (Math.min(k, keys) + 1L));
  }

  @Override
  public boolean serves(int sequences, int longest) {
    return super.serves(sequences, longest)
        && Math.min(state.most(), keys()) <= selection.capacity();
  }

  @Override
  public Selection select(int layer, Batch batch, Buffer q) {
    backend.quantizer().scores().score(kv, layer, batch, q, method.quantizer(), codebooks, codes,
        scores);
    backend.selection().headWeights().combine(kv, batch, scores, weights);
    backend.selection().zoneTopK().select(kv, batch, weights, 1, budgets, selection);
    return selection;
  }
}
