package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.error.InputException;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyCentre;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalSize;

/**
 * Drift-robust KV-cache retrieval (ParisKV, arXiv 2602.07721): small summaries of all keys vote for
 * the few worth fetching, 4-bit codes rank them, and exact attention runs over those beside the sink and
 * the recent tokens. The codebook is fixed, so nothing learned at prefill goes stale.
 */
public record ParisKv(ParisKvConfig config) implements AttentionMethod {

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
    return plan
        .with("summaries",
            slots * (indexedHeads * summaries + heads * fixed + 4L * KeyIndex.BUDGET_FIELDS))
        .with("retrieval scratch", slots * scratch);
  }

  private RetrievalSize size(int rows, int keys) {
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
    return new State(this, backend, kv,
        backend.newKeyIndex(kv.shape(), kv.slots(), config.coarse()));
  }

  private static final class State extends SelectingState {
    private final ParisKv method;
    private final ParisKvConfig config;
    private final KeyIndex index;

    State(ParisKv method, Backend backend, KvStore kv, KeyIndex index) {
      super(backend, kv, method.config.zones());
      this.method = method;
      this.config = method.config;
      this.index = index;
    }

    @Override
    Selector newSelector(int rows, int keys) {
      return new RetrievalSelector(
          backend().newRetrieval(index, method.size(rows, keys), config.grouping()));
    }

    /** {@inheritDoc} All keys are summarised anew when their centre moves. */
    @Override
    int indexFrom(TokenZones before, TokenZones after) {
      boolean moves = config.coarse() == Coarse.SCORES
          && KeyCentre.keysOfCentre(before.retrievalTokens()) != KeyCentre
              .keysOfCentre(after.retrievalTokens());
      return moves ? after.sinkEnd() : super.indexFrom(before, after);
    }

    @Override
    void reserve(int slot, int keys) {
      index.reserve(slot, keys);
    }

    /** {@inheritDoc} If they are all keys of the zone, their centre is found first. */
    @Override
    void index(int layer, int slot, int from, TokenZones zones) {
      if (config.coarse() == Coarse.SCORES && from == zones.sinkEnd()) {
        backend().retrieval().keyCentre().find(kv(), layer, slot, from,
            KeyCentre.keysOfCentre(zones.retrievalTokens()), index);
      }
      backend().retrieval().keyEncoder().encode(kv(), layer, slot, from, zones.recentStart(),
          index, from - zones.sinkEnd());
    }

    @Override
    void indexed(int slot, TokenZones zones) {
      index.setBudget(slot, config.budget().fields(zones.retrievalTokens()));
    }

    @Override
    void forget(int slot) {
      index.release(slot);
    }

    @Override
    long indexBytes() {
      return index.bytes();
    }

    @Override
    void closeIndex() {
      index.close();
    }

    @Override
    public StepCost cost(TokenZones zones) {
      KvShape shape = kv().shape();
      int keys = zones.retrievalTokens();
      int[] budget = config.budget().fields(keys);
      int recordBytes = KeyIndex.recordBytes(shape.headDim());
      int queries = config.grouping() == Grouping.PER_HEAD ? shape.groupSize() : 1;
      long summaries = (long) shape.kvHeads() * queries
          * ((long) keys * (index.bytesPerKey() - recordBytes) + (long) budget[1] * recordBytes);
      return Costs.attended(shape, zones.length(), zones.residentTokens() + budget[2], summaries);
    }
  }
}
