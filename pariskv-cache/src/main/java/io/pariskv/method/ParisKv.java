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

  private static final class State implements MethodState {
    private final ParisKv method;
    private final ParisKvConfig config;
    private final Backend backend;
    private final KvStore kv;
    private final KeyIndex index;
    private @Nullable Retrieval retrieval;
    private long generation;
    private boolean retrieving;

    State(ParisKv method, Backend backend, KvStore kv, KeyIndex index) {
      this.method = method;
      this.config = method.config;
      this.backend = backend;
      this.kv = kv;
      this.index = index;
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
      if (retrieving && retrieval != null && kv.shape().window(layer) == 0) {
        selection = retrieval.retrieve(layer, batch, q);
      }
      backend.attention().decode().attend(kv, layer, batch, q, selection, out);
    }

    @Override
    public TokenZones appended(int slot, TokenZones zones, boolean prefill) {
      TokenZones next = config.slide(zones, prefill);
      if (next.retrievalTokens() > zones.retrievalTokens()) {
        kv.setZones(slot, zones); // a chunk's rows can be read by the encoder from here on
        index.reserve(slot, next.retrievalTokens());
        int from = from(zones, next);
        for (int layer = 0; layer < kv.shape().layers(); layer++) {
          if (kv.shape().window(layer) == 0) {
            summarise(layer, slot, from, next);
          }
        }
        index.setBudget(slot, config.budget().fields(next.retrievalTokens()));
      }
      kv.setZones(slot, next);
      return next;
    }

    /** The first key to encode when a zone grows: the first that is new, or all if their centre changes. */
    private int from(TokenZones zones, TokenZones next) {
      boolean centred = config.coarse() == Coarse.TIERS
          || KeyCentre.keysOfCentre(zones.retrievalTokens()) == KeyCentre
              .keysOfCentre(next.retrievalTokens());
      return centred && zones.retrievalTokens() > 0 ? zones.recentStart() : next.sinkEnd();
    }

    /** Encodes the keys from position {@code from} on, and finds their centre first if they are all. */
    private void summarise(int layer, int slot, int from, TokenZones next) {
      if (config.coarse() == Coarse.SCORES && from == next.sinkEnd()) {
        backend.retrieval().keyCentre().find(kv, layer, slot, from,
            KeyCentre.keysOfCentre(next.retrievalTokens()), index);
      }
      backend.retrieval().keyEncoder().encode(kv, layer, slot, from, next.recentStart(), index,
          from - next.sinkEnd());
    }

    @Override
    public TokenZones truncated(int slot, int length) {
      index.release(slot);
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
      index.release(slot);
    }

    @Override
    public void close() {
      if (retrieval != null) {
        retrieval.close();
      }
      index.close();
    }
  }
}
