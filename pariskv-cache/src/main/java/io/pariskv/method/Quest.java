package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.backend.SelectionStages;
import io.pariskv.error.InputException;
import io.pariskv.index.PageBounds;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.AddressTables;
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
import org.jspecify.annotations.Nullable;

/**
 * Attends pages of neighbouring keys, chosen by what no key of a page can score above (Quest, arXiv 2406.10774). A
 * page keeps the smallest and the largest number of each coordinate: one key's worth of memory each, so with
 * pages of 16 an eighth of K.
 *
 * @param zones the zones; null for those of the released code: no sink, and recent is the last page
 * @param k tokens of the selected pages; without zones the last page is one of them
 * @param pageSize keys of a page, a power of two up to 1,024
 * @param denseLayers first layers that attend everything
 * @param grouping whether every query head has pages of its own, as in the released evaluation, or the heads of
 *     a group those with the best sum of bounds
 */
public record Quest(@Nullable ZoneSettings zones, int k, int pageSize, int denseLayers,
    Grouping grouping) implements AttentionMethod {

  /** Checks the settings; the message names the setting as the command line does, and both numbers. */
  public Quest {
    if (Integer.bitCount(pageSize) != 1 || pageSize < 1 || pageSize > TokenSlabs.SLAB_TOKENS) {
      throw new InputException("page-size " + pageSize + " must be a power of two from 1 to "
          + TokenSlabs.SLAB_TOKENS);
    }
    ZoneSettings.requireAtLeast("dense-layers", denseLayers, 0);
    int pages = zones == null ? 2 : 1;
    if (k < (long) pages * pageSize) {
      throw new InputException("k " + k + " must be at least " + pages * (long) pageSize + ", "
          + (pages == 2 ? "two pages" : "a page") + " of " + pageSize + " tokens");
    }
  }

  /**
   * The settings of the released code: pages of 16 for every query head, the first two layers dense, the last page
   * always attended; with the budget of 2,048 tokens that other papers compare with.
   */
  public static Quest released() {
    return new Quest(null, 2_048, 16, 2, Grouping.PER_HEAD);
  }

  /** Comparable with ParisKV: its zones, no dense layers, and pages of 16 of {@code k} tokens together. */
  public static Quest matched(int k) {
    return new Quest(ZoneSettings.matched(), k, 16, 0, Grouping.PER_HEAD);
  }

  @Override
  public String name() {
    return "quest";
  }

  @Override
  public void check(KvShape shape) {
    // Nothing to refuse: any geometry that can be stored has bounds.
  }

  @Override
  public int selectedKeys() {
    return grouping == Grouping.PER_HEAD ? 0 : selectedPages() * pageSize;
  }

  @Override
  public Quest withoutDenseLayers() {
    return new Quest(zones, k, pageSize, 0, grouping);
  }

  @Override
  public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    return AddressTables.planIndex(plan, shape, slots, 1)
        .with("page bounds",
            slots * ZoneTable.bytes(shape.keptExcept(this::dense), shape.dtype(),
                2 * shape.headDim(), pageSize, tokens))
        .with("selection scratch", slots * scratchBytes(shape, SelectingState.bucket(tokens)));
  }

  private long scratchBytes(KvShape shape, int keys) {
    int pages = PageBounds.pages(keys, pageSize);
    return 4L * heads(shape) * (pages + (long) Math.min(selectedPages(), pages) * pageSize + 1);
  }

  /** Whether a layer attends everything. */
  private boolean dense(int layer) {
    return layer < denseLayers;
  }

  /** Heads that select. */
  private int heads(KvShape shape) {
    return grouping == Grouping.PER_HEAD ? shape.heads() : shape.kvHeads();
  }

  /** Pages of the retrieval zone that are selected. */
  private int selectedPages() {
    return k / pageSize - (zones == null ? 1 : 0);
  }

  private Zoning zoning() {
    return zones != null ? zones : this::lastPageRecent;
  }

  private TokenZones lastPageRecent(TokenZones now, boolean prefill) {
    return new TokenZones(0, now.length() / pageSize * pageSize, now.length());
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    KvShape shape = kv.shape();
    return new State(this, backend, kv, backend.newZoneTable(shape.keptExcept(this::dense),
        kv.slots(), shape.dtype(), 2 * shape.headDim(), pageSize));
  }

  private static final class State extends SelectingState {
    private final Quest method;
    private final ZoneTable bounds;

    State(Quest method, Backend backend, KvStore kv, ZoneTable bounds) {
      super(backend, kv, method.zoning());
      this.method = method;
      this.bounds = bounds;
    }

    @Override
    public boolean dense(int layer) {
      return method.dense(layer);
    }

    @Override
    void reserve(int slot, int keys) {
      bounds.reserve(slot, keys);
    }

    /** {@inheritDoc} A page that was partial is found anew. */
    @Override
    void index(int layer, int slot, int from, TokenZones zones) {
      if (!dense(layer)) {
        backend().selection().pageBounds().update(kv(), layer, slot, zones,
            (from - zones.sinkEnd()) / method.pageSize, bounds);
      }
    }

    @Override
    void forget(int slot) {
      bounds.release(slot);
    }

    @Override
    long indexBytes() {
      return bounds.bytes();
    }

    @Override
    void closeIndex() {
      bounds.close();
    }

    @Override
    Selector newSelector(int rows, int keys) {
      return new PageSelector(method, backend(), kv(), bounds, rows, keys);
    }

    @Override
    void attendSelected(int layer, Batch batch, Buffer q, Selection chosen, Buffer out) {
      if (method.grouping == Grouping.PER_HEAD) {
        backend().attention().perHead().attend(kv(), layer, batch, q, chosen, null, out);
      } else {
        super.attendSelected(layer, batch, q, chosen, out);
      }
    }

    @Override
    public StepCost cost(int slot, TokenZones zones) {
      KvShape shape = kv().shape();
      int keys = zones.retrievalTokens();
      int pages = PageBounds.pages(keys, method.pageSize);
      int selected = Math.min(Math.min(method.selectedPages(), pages) * method.pageSize, keys);
      int read = Math.min(selected * method.heads(shape) / shape.kvHeads(), keys);
      long boundBytes = shape.tokenBytes() * pages; // a page's bounds are as large as a token's K and V
      return Costs.of(shape, zones.length(), layer -> dense(layer)
          ? new Costs.Layer(zones.length(), zones.length(), 0)
          : new Costs.Layer(zones.residentTokens() + selected, zones.residentTokens() + read,
              boundBytes));
    }
  }

  /** Bounds of all pages, and the best of them. */
  private static final class PageSelector extends ScratchSelector {
    private final Quest method;
    private final SelectionStages stages;
    private final KvStore kv;
    private final ZoneTable bounds;
    private final Buffer scores;
    private final Selection selection;

    PageSelector(Quest method, Backend backend, KvStore kv, ZoneTable bounds, int rows, int keys) {
      super(backend, rows, keys);
      int heads = method.heads(kv.shape());
      int pages = PageBounds.pages(keys, method.pageSize);
      int selected = Math.min(method.selectedPages(), pages) * method.pageSize;
      this.method = method;
      this.stages = backend.selection();
      this.kv = kv;
      this.bounds = bounds;
      try {
        scores = memory().allocate(DType.F32, rows, heads, pages);
        selection = Selection.allocate(memory(), rows, heads, selected);
      } catch (RuntimeException | Error e) {
        close();
        throw e;
      }
    }

    @Override
    public Selection select(int layer, Batch batch, Buffer q) {
      stages.pageScores().score(kv, layer, batch, q, bounds, method.grouping, scores);
      stages.zoneTopK().select(kv, batch, scores, method.pageSize, method.selectedPages(),
          selection);
      return selection;
    }
  }
}
