package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyCentre;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.Opened;
import io.pariskv.retrieve.AdaptiveBudget;
import io.pariskv.retrieve.AdaptiveTopK;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalSize;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** {@link ParisKv} at work: summaries of all keys and, if the budget adapts, norms of all values. */
final class ParisKvState extends SelectingState {
  private final ParisKv method;
  private final ParisKvConfig config;
  private final KeyIndex index;
  private final Allocator memory;
  private final @Nullable AdaptiveBudget adaptive;

  private ParisKvState(ParisKv method, Backend backend, KvStore kv, Opened opened) {
    super(backend, kv, method.config().zones());
    this.method = method;
    this.config = method.config();
    this.memory = opened.keep(backend.newAllocator());
    this.adaptive = newAdaptive(config.budget().share(), opened);
    this.index = opened.keep(backend.newKeyIndex(kv.shape(), kv.slots(), config.coarse()));
  }

  private @Nullable AdaptiveBudget newAdaptive(@Nullable Double share, Opened opened) {
    if (share == null) {
      return null;
    }
    Buffer totals = memory.allocate(DType.I64, kv().slots(), 2);
    backend().upload(MemorySegment.ofArray(new long[2 * kv().slots()]), totals);
    return new AdaptiveBudget(AdaptiveTopK.inParts(share), opened.keep(
        backend().newZoneTable(kv().shape(), kv().slots(), DType.BF16, 1, 1)), totals);
  }

  static ParisKvState open(ParisKv method, Backend backend, KvStore kv) {
    Opened opened = new Opened();
    try {
      return new ParisKvState(method, backend, kv, opened);
    } catch (RuntimeException | Error e) {
      opened.closeAfter(e);
      throw e;
    }
  }

  @Override
  Selector newSelector(int rows, int keys) {
    RetrievalSize size = method.size(rows, keys);
    return new RetrievalSelector(adaptive == null
        ? backend().newRetrieval(index, size, config.grouping())
        : backend().newRetrieval(index, size, config.grouping(), adaptive));
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
    if (adaptive != null) {
      adaptive.norms().reserve(slot, keys);
    }
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
    if (adaptive != null) {
      backend().retrieval().valueNorms().update(kv(), layer, slot, from, zones, adaptive.norms());
    }
  }

  @Override
  void indexed(int slot, TokenZones zones) {
    index.setBudget(slot, config.budget().fields(zones.retrievalTokens()));
  }

  @Override
  void forget(int slot) {
    index.release(slot);
    if (adaptive != null) {
      adaptive.norms().release(slot);
    }
  }

  @Override
  long indexBytes() {
    return index.bytes()
        + (adaptive == null ? 0 : adaptive.norms().bytes() + memory.allocatedBytes());
  }

  @Override
  @SuppressWarnings("try") // closed in the end, last first
  void closeIndex() {
    ZoneTable norms = adaptive == null ? null : adaptive.norms();
    try (memory; norms; index) {
      // nothing else
    }
  }

  @Override
  public @Nullable SelectedKeys selected(int slot) {
    if (adaptive == null) {
      return null;
    }
    long[] totals = new long[2 * kv().slots()];
    backend().download(adaptive.totals(), MemorySegment.ofArray(totals));
    return new SelectedKeys(totals[2 * slot], totals[2 * slot + 1]);
  }

  @Override
  public StepCost cost(int slot, TokenZones zones) {
    KvShape shape = kv().shape();
    int keys = zones.retrievalTokens();
    int[] budget = config.budget().fields(keys);
    int recordBytes = KeyIndex.recordBytes(shape.headDim());
    int queries = config.grouping() == Grouping.PER_HEAD ? shape.groupSize() : 1;
    long summaries = (long) shape.kvHeads() * queries
        * ((long) keys * (index.bytesPerKey() - recordBytes) + (long) budget[1] * recordBytes);
    StepCost cost = Costs.attended(shape, zones.length(), zones.residentTokens() + budget[2],
        adaptive == null ? summaries : summaries + normBytes(budget[1]));
    return adaptive == null ? cost : cost.adaptive(budget[2] * selectingLayers() / shape.layers());
  }

  /** {@inheritDoc} With a budget that adapts. */
  @Override
  public StepCost cost(int slot, TokenZones zones, double selected) {
    StepCost most = cost(slot, zones);
    if (adaptive == null) {
      return most;
    }
    double fewer = (config.budget().fields(zones.retrievalTokens())[2] - selected)
        * selectingLayers();
    KvShape shape = kv().shape();
    return new StepCost(most.attendedTokens() - fewer / shape.layers(), most.heldTokens(),
        most.kvBytes() - Math.round(fewer * shape.tokenBytes()), most.summaryBytes());
  }

  /** Bytes of norms that are read of so many candidates, in one layer. */
  private long normBytes(int candidates) {
    return (long) kv().shape().kvHeads() * candidates * DType.BF16.bytes();
  }

  private double selectingLayers() {
    return kv().shape().windows().stream().filter(window -> window == 0).count();
  }
}
