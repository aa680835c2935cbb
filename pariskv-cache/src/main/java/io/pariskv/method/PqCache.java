package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.index.CodebookTraining;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.AddressTables;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.memory.TokenSlabs;

/**
 * Attends the keys whose product-quantised copies have the largest attention weights (PQCache, arXiv 2407.12820),
 * corrected: every token is attended or selectable exactly once. See {@code docs/methods/pqcache.md}.
 *
 * <p>Before the first step after a prompt, k-means finds codebooks from all its keys behind the sink, those of the window
 * too; then they stay. A key that leaves the window gets the numbers of its nearest centroids. A query head's scores
 * become weights by softmax over the zone, those of a group are added, and the best keys of each KV head attended. With
 * no more keys than centroids there is no codebook, and everything is attended.
 *
 * @param budget which tokens are attended in any case, and how many are selected
 * @param quantizer how keys are quantised
 */
public record PqCache(PqBudget budget, ProductQuantizer quantizer) implements AttentionMethod {
  /** Contexts from here on take four sub-vectors of 256 centroids, as its authors advise. */
  private static final int LONG_CONTEXT = 65_536;

  /** The quantiser that its authors use: 2 sub-vectors of 6 bits, for contexts from 64K on 4 of 8. */
  public static ProductQuantizer quantizerFor(int context) {
    return context < LONG_CONTEXT ? new ProductQuantizer(2, 6) : new ProductQuantizer(4, 8);
  }

  /**
   * The settings of the released scripts: a sink of 32 tokens, half of the budget recent.
   *
   * @param ratio share of the prompt that is attended, 0.1 for Llama 3.1
   * @param context tokens that a sequence may have
   */
  public static PqCache released(double ratio, int context) {
    return new PqCache(new PqBudget.Share(32, ratio, 0.5), quantizerFor(context));
  }

  /** Comparable with ParisKV: its zones, and {@code k} keys whatever the prompt. */
  public static PqCache matched(int k, int context) {
    return new PqCache(new PqBudget.Tokens(ZoneSettings.matched(), k), quantizerFor(context));
  }

  @Override
  public String name() {
    return "pqcache";
  }

  @Override
  public void check(KvShape shape) {
    quantizer.check(shape);
  }

  @Override
  public int k() {
    return budget instanceof PqBudget.Tokens tokens ? tokens.k() : 0;
  }

  /** {@inheritDoc} A share of the prompt, which nobody knows yet, has no cache. */
  @Override
  public int selectedKeys() {
    return k();
  }

  @Override
  public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    int rows = Math.min(tokens, CodebookTraining.MOST_ROWS);
    return AddressTables.planIndex(plan, shape, slots, 2)
        .with("codes of keys",
            slots * ZoneTable.bytes(shape, DType.U8, quantizer.subvectors(), 1, tokens))
        .with("codebooks",
            slots * ZoneTable.bytes(shape, DType.F32, quantizer.bookSize(shape.headDim()),
                TokenSlabs.SLAB_TOKENS, 1))
        .with("training of codebooks",
            (long) rows * (Integer.BYTES + (long) shape.headDim() * shape.dtype().bytes()))
        .with("selection scratch", slots * PqSelector.bytes(shape, SelectingState.bucket(tokens),
            budget.k(tokens)));
  }

  /** The zones: as the budget says, once there are more keys than centroids. */
  TokenZones slide(TokenZones zones, boolean prefill) {
    return zones.length() - budget.sink() <= quantizer.centroids()
        ? zones
        : budget.slide(zones, prefill);
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    return PqState.open(this, backend, kv);
  }
}
