package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.error.InputException;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyCentre;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.Retrieval;
import io.pariskv.retrieve.RetrievalSize;
import java.util.List;
import org.jspecify.annotations.Nullable;

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
    int keys = bucket(tokens);
    long scratch = size(1, keys).bytes(shape, config.grouping());
    return plan
        .with("summaries",
            slots * (indexedHeads * summaries + heads * fixed + 4L * KeyIndex.BUDGET_FIELDS))
        .with("retrieval scratch", slots * scratch);
  }

  /** Zone lengths are rounded up so that scratch memory, and a recorded step, last a while. */
  private static int bucket(int keys) {
    int step = Math.max(TokenSlabs.SLAB_TOKENS, Integer.highestOneBit(keys) >> 2);
    return (int) Math.min((keys + (long) step - 1) / step * step, Integer.MAX_VALUE);
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

  /** Zones before and after an update buffer is summarised, and in how many layers that is done. */
  private static final class Growth {
    final TokenZones before;
    final TokenZones after;
    /** Whether all keys are summarised: there were none before, or their centre moves. */
    final boolean whole;
    int layers;

    Growth(TokenZones before, TokenZones after, Coarse coarse) {
      this.before = before;
      this.after = after;
      whole = before.retrievalTokens() == 0 || coarse == Coarse.SCORES && KeyCentre
          .keysOfCentre(
              before.retrievalTokens()) != KeyCentre.keysOfCentre(after.retrievalTokens());
    }

    boolean sameAs(Growth other) {
      return before.equals(other.before) && after.equals(other.after);
    }

    /** The first key to summarise. */
    int from() {
      return whole ? after.sinkEnd() : before.recentStart();
    }
  }

  private static final class State implements MethodState {
    private final ParisKv method;
    private final ParisKvConfig config;
    private final Backend backend;
    private final KvStore kv;
    private final KeyIndex index;
    /** For each slot what is summarised of tokens that are not committed yet. */
    private final @Nullable Growth[] growths;
    private @Nullable Retrieval retrieval;
    private long generation;
    private boolean retrieving;

    State(ParisKv method, Backend backend, KvStore kv, KeyIndex index) {
      this.method = method;
      this.config = method.config;
      this.backend = backend;
      this.kv = kv;
      this.index = index;
      this.growths = new @Nullable Growth[kv.slots()];
    }

    @Override
    public long prepare(List<TokenZones> zones) {
      int keys = 0;
      for (TokenZones each : zones) {
        keys = Math.max(keys, each.retrievalTokens());
      }
      Retrieval current = retrieval;
      retrieving = keys > 0;
      if (!retrieving) {
        return -1; // every sequence is dense
      }
      if (current == null || !current.size().serves(zones.size(), keys)) {
        if (current != null) {
          retrieval = null; // also if there is no room for the next one
          current.close();
        }
        retrieval = backend.newRetrieval(index, method.size(zones.size(), bucket(keys)),
            config.grouping());
        generation++;
      }
      return generation;
    }

    @Override
    public void attend(int layer, Batch batch, Buffer q, Buffer out) {
      Selection selection = null;
      Retrieval current = retrieval();
      if (current != null && kv.shape().window(layer) == 0) {
        selection = current.retrieve(layer, batch, q);
      }
      backend.attention().decode().attend(kv, layer, batch, q, selection, out);
    }

    @Override
    public @Nullable Retrieval retrieval() {
      return retrieving ? retrieval : null;
    }

    @Override
    public void layerAppended(int layer, int slot, TokenZones zones) {
      Growth growth = growth(slot, zones, true);
      if (growth != null && growth.layers == layer) {
        summarise(slot, growth, layer + 1);
      }
    }

    @Override
    public TokenZones appended(int slot, TokenZones zones, boolean prefill) {
      Growth growth = growth(slot, zones, prefill);
      if (growth != null) {
        if (growth.layers < kv.shape().layers()) {
          kv.setZones(slot, zones); // a chunk's rows can be read by the encoder from here on
          summarise(slot, growth, kv.shape().layers());
        }
        index.setBudget(slot, config.budget().fields(growth.after.retrievalTokens()));
        growths[slot] = null;
      }
      TokenZones next = config.slide(zones, prefill);
      kv.setZones(slot, next);
      return next;
    }

    /** What {@code zones} grow by when their update buffer is summarised; null if it is not. */
    private @Nullable Growth growth(int slot, TokenZones zones, boolean prefill) {
      Growth growth = new Growth(zones, config.slide(zones, prefill), config.coarse());
      Growth known = growths[slot];
      if (known != null && known.sameAs(growth)) {
        return known;
      }
      rolledBack(slot);
      return growth.from() < growth.after.recentStart() ? growth : null;
    }

    /** Encodes the new keys of layers up to {@code end - 1}. */
    private void summarise(int slot, Growth growth, int end) {
      growths[slot] = growth; // from here on summaries may be of keys that are not committed
      index.reserve(slot, growth.after.retrievalTokens());
      for (; growth.layers < end; growth.layers++) {
        encode(growth.layers, slot, growth.from(), growth.after);
      }
    }

    /** Encodes keys from position {@code from} to the end of the zone; if they are all, finds their centre first. */
    private void encode(int layer, int slot, int from, TokenZones zones) {
      if (kv.shape().window(layer) == 0) {
        if (config.coarse() == Coarse.SCORES && from == zones.sinkEnd()) {
          backend.retrieval().keyCentre().find(kv, layer, slot, from,
              KeyCentre.keysOfCentre(zones.retrievalTokens()), index);
        }
        backend.retrieval().keyEncoder().encode(kv, layer, slot, from, zones.recentStart(), index,
            from - zones.sinkEnd());
      }
    }

    /** {@inheritDoc} Populations count keys, and a centre may have moved: the whole zone is summarised anew. */
    @Override
    public void rolledBack(int slot) {
      Growth growth = growths[slot];
      if (growth == null) {
        return;
      }
      growths[slot] = null;
      index.release(slot);
      TokenZones zones = growth.before;
      if (zones.retrievalTokens() > 0) {
        index.reserve(slot, zones.retrievalTokens());
        for (int layer = 0; layer < kv.shape().layers(); layer++) {
          encode(layer, slot, zones.sinkEnd(), zones);
        }
        index.setBudget(slot, config.budget().fields(zones.retrievalTokens()));
      }
    }

    @Override
    public TokenZones truncated(int slot, int length) {
      release(slot);
      return appended(slot, TokenZones.dense(length), true);
    }

    @Override
    public StepCost cost(TokenZones zones) {
      KvShape shape = kv.shape();
      int keys = zones.retrievalTokens();
      int[] budget = config.budget().fields(keys);
      int recordBytes = KeyIndex.recordBytes(shape.headDim());
      int queries = config.grouping() == Grouping.PER_HEAD ? shape.groupSize() : 1;
      long summaries = (long) shape.kvHeads() * queries
          * ((long) keys * (index.bytesPerKey() - recordBytes) + (long) budget[1] * recordBytes);
      return Costs.attended(shape, zones.length(), zones.residentTokens() + budget[2], summaries);
    }

    @Override
    public long bytes() {
      return index.bytes() + (retrieval == null ? 0 : retrieval.bytes());
    }

    @Override
    public void release(int slot) {
      growths[slot] = null;
      index.release(slot);
    }

    @Override
    @SuppressWarnings("try") // closed in the end, last first
    public void close() {
      Retrieval last = retrieval;
      try (index; last) {
        // nothing else
      }
    }
  }
}
