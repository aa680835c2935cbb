package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.error.InputException;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.AddressTables;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.RetrievalSize;

/**
 * Drift-robust KV-cache retrieval (ParisKV, arXiv 2602.07721): small summaries of all keys vote for
 * the few worth fetching, 4-bit codes rank them, and exact attention runs over those beside the sink and
 * the recent tokens. The codebook is fixed, so nothing learned at prefill goes stale.
 */
public record ParisKv(ParisKvConfig config) implements AttentionMethod {

  /** With the settings that proved best, {@link ParisKvConfig#sharp}. */
  public static ParisKv defaults() {
    return new ParisKv(ParisKvConfig.sharp());
  }

  /** With the published settings. */
  public static ParisKv paper() {
    return new ParisKv(ParisKvConfig.paper());
  }

  @Override
  public String name() {
    return "pariskv";
  }

  @Override
  public void check(KvShape shape) {
    int headDim = shape.headDim();
    if (headDim < 16 || headDim > 256 || Integer.bitCount(headDim) != 1) {
      throw new InputException(
          "method pariskv needs a head size that is a power of two from 16 to 256, not "
              + headDim + "; use --method full");
    }
  }

  @Override
  public int selectedKeys() {
    return config.budget().k();
  }

  @Override
  public int k() {
    return config.budget().k();
  }

  @Override
  public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    long heads = (long) shape.layers() * shape.kvHeads();
    long indexedHeads = shape.windows().stream().filter(window -> window == 0).count()
        * shape.kvHeads();
    long fixed = switch (config.coarse()) {
      case TIERS -> 4L * SignCentroids.COUNT * SignCentroids.subspaces(shape.headDim());
      case SCORES -> 4L * shape.headDim() + 4; // centre and floor
    };
    long summaries = (long) KeyIndex.summaryBytes(shape.headDim(), config.coarse())
        * TokenSlabs.slabs(tokens) * TokenSlabs.SLAB_TOKENS;
    int keys = SelectingState.bucket(tokens);
    long scratch = size(1, keys).bytes(shape, config.grouping());
    MemoryPlan planned = AddressTables.planIndex(plan, shape, slots, tables())
        .with("summaries",
            slots * (indexedHeads * summaries + heads * fixed + 4L * KeyIndex.BUDGET_FIELDS))
        .with("retrieval scratch", slots * scratch);
    return config.budget().share() == null
        ? planned
        : planned.with("norms of values",
            slots * (ZoneTable.bytes(shape, DType.BF16, 1, 1, tokens) + 2L * Long.BYTES));
  }

  /** Of ids and records; of norms of keys with scores, of norms of values with a share. */
  private int tables() {
    return 2 + (config.coarse() == Coarse.SCORES ? 1 : 0)
        + (config.budget().share() == null ? 0 : 1);
  }

  RetrievalSize size(int rows, int keys) {
    return new RetrievalSize(rows, keys, candidateCapacity(keys), config.budget().k());
  }

  /** Ratios fall as zones grow, so a shorter zone can have more candidates than a longer one. */
  private int candidateCapacity(int keys) {
    int capacity = config.budget().candidates(keys);
    for (int border : new int[]{4_999, 9_999, 29_999}) {
      capacity = Math.max(capacity, config.budget().candidates(Math.min(keys, border)));
    }
    return capacity;
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    check(kv.shape());
    return ParisKvState.open(this, backend, kv);
  }
}
