package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.Retrieval;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A method at work that attends the sink, some keys of the retrieval zone and the recent tokens: what such methods
 * share. Zones slide as a {@link Zoning} says; a method may keep an index over the zones' keys, which is told of
 * new keys layer by layer in prefill, of those that are taken back, and of sequences that are cut.
 *
 * <p>What a method adds: {@link #newSelector}, and where it keeps something about keys {@link #reserve}, {@link
 * #index}, {@link #indexed} and {@link #forget}. Layers with a sliding window never come there.
 */
abstract class SelectingState implements MethodState {
  private final Backend backend;
  private final KvStore kv;
  private final Zoning zoning;
  /** For each slot what is indexed of tokens that are not committed yet. */
  private final @Nullable Growth[] growths;
  private @Nullable Selector selector;
  private @Nullable Selection selection;
  private long generation;
  private boolean selecting;

  /** Zones before and after keys enter the retrieval zone, and in how many layers that is done. */
  private static final class Growth {
    final TokenZones before;
    final TokenZones after;
    int layers;

    Growth(TokenZones before, TokenZones after) {
      this.before = before;
      this.after = after;
    }

    boolean sameAs(Growth other) {
      return before.equals(other.before) && after.equals(other.after);
    }
  }

  SelectingState(Backend backend, KvStore kv, Zoning zoning) {
    this.backend = backend;
    this.kv = kv;
    this.zoning = zoning;
    this.growths = new @Nullable Growth[kv.slots()];
  }

  /** Where the method works. */
  final Backend backend() {
    return backend;
  }

  /** The keys and values. */
  final KvStore kv() {
    return kv;
  }

  /** What selects in steps of {@code rows} sequences with zones of up to {@code keys} keys. */
  abstract Selector newSelector(int rows, int keys);

  /**
   * Attends what is selected.
   *
   * @param chosen what the selector gave, for KV heads unless the method says otherwise
   */
  void attendSelected(int layer, Batch batch, Buffer q, Selection chosen, Buffer out) {
    backend.attention().decode().attend(kv, layer, batch, q, chosen, out);
  }

  /** The first position whose key is indexed when a zone grows: the first new one, if old ones stay as they are. */
  int indexFrom(TokenZones before, TokenZones after) {
    return before.retrievalTokens() == 0 ? after.sinkEnd() : before.recentStart();
  }

  /** Makes room for {@code keys} keys of {@code slot} in the index. */
  void reserve(int slot, int keys) {
    // No index.
  }

  /** Indexes the keys from position {@code from} to the end of the retrieval zone, in stream order. */
  void index(int layer, int slot, int from, TokenZones zones) {
    // No index.
  }

  /** Takes note that the keys of {@code zones} are indexed in all layers, and count from now on. */
  void indexed(int slot, TokenZones zones) {
    // No index.
  }

  /**
   * Takes back the keys that were indexed beyond those of {@code zones}. What an index keeps may depend on all keys, so
   * those that stay are indexed anew, unless the method knows better.
   */
  void takeBack(int slot, TokenZones zones) {
    forget(slot);
    if (zones.retrievalTokens() > 0) {
      reserve(slot, zones.retrievalTokens());
      for (int layer = 0; layer < kv.shape().layers(); layer++) {
        indexLayer(layer, slot, zones.sinkEnd(), zones);
      }
      indexed(slot, zones);
    }
  }

  /** Forgets all keys of {@code slot}. */
  void forget(int slot) {
    // No index.
  }

  /** Bytes of the index. */
  long indexBytes() {
    return 0;
  }

  /** Frees the index. */
  void closeIndex() {
    // No index.
  }

  /** Zone lengths are rounded up so that scratch memory, and a recorded step, last a while. */
  static int bucket(int keys) {
    int step = Math.max(TokenSlabs.SLAB_TOKENS, Integer.highestOneBit(keys) >> 2);
    return (int) Math.min((keys + (long) step - 1) / step * step, Integer.MAX_VALUE);
  }

  @Override
  public final long prepare(List<TokenZones> zones) {
    int keys = 0;
    for (TokenZones each : zones) {
      keys = Math.max(keys, each.retrievalTokens());
    }
    selecting = keys > 0;
    if (!selecting) {
      return -1; // every sequence is dense
    }
    Selector current = selector;
    if (current == null || !current.serves(zones.size(), keys)) {
      if (current != null) {
        selector = null; // also if there is no room for the next one
        selection = null;
        current.close();
      }
      selector = newSelector(zones.size(), bucket(keys));
      generation++;
    }
    return generation;
  }

  @Override
  public final void attend(int layer, Batch batch, Buffer q, Buffer out) {
    Selector current = selecting ? selector : null;
    if (current == null || kv.shape().window(layer) > 0) {
      backend.attention().decode().attend(kv, layer, batch, q, null, out);
    } else if (dense(layer)) {
      backend.attention().decode().attendAll(kv, layer, batch, q, out);
    } else {
      Selection chosen = current.select(layer, batch, q);
      attendSelected(layer, batch, q, chosen, out);
      selection = chosen;
    }
  }

  @Override
  public final @Nullable Retrieval retrieval() {
    return selecting && selector != null ? selector.retrieval() : null;
  }

  /** {@inheritDoc} A recorded step that runs again leaves it where the step before did. */
  @Override
  public final @Nullable Selection selection() {
    return selecting ? selection : null;
  }

  @Override
  public final void layerAppended(int layer, int slot, TokenZones zones) {
    Growth growth = growth(slot, zones, true);
    if (growth != null && growth.layers == layer) {
      index(slot, growth, layer + 1);
    }
  }

  @Override
  public final TokenZones appended(int slot, TokenZones zones, boolean prefill) {
    Growth growth = growth(slot, zones, prefill);
    if (growth != null) {
      if (growth.layers < kv.shape().layers()) {
        kv.setZones(slot, zones); // a chunk's rows can be read by the index from here on
        index(slot, growth, kv.shape().layers());
      }
      indexed(slot, growth.after);
      growths[slot] = null;
    }
    TokenZones next = zoning.slide(zones, prefill);
    kv.setZones(slot, next);
    return next;
  }

  /** What {@code zones} grow by when they slide; null if no key enters the retrieval zone. */
  private @Nullable Growth growth(int slot, TokenZones zones, boolean prefill) {
    Growth growth = new Growth(zones, zoning.slide(zones, prefill));
    Growth known = growths[slot];
    if (known != null && known.sameAs(growth)) {
      return known;
    }
    rolledBack(slot);
    return growth.after.retrievalTokens() > zones.retrievalTokens() ? growth : null;
  }

  /** Indexes the new keys of layers up to {@code end - 1}. */
  private void index(int slot, Growth growth, int end) {
    growths[slot] = growth; // from here on the index may have keys that are not committed
    reserve(slot, growth.after.retrievalTokens());
    int from = indexFrom(growth.before, growth.after);
    for (; growth.layers < end; growth.layers++) {
      indexLayer(growth.layers, slot, from, growth.after);
    }
  }

  private void indexLayer(int layer, int slot, int from, TokenZones zones) {
    if (kv.shape().window(layer) == 0) {
      index(layer, slot, from, zones);
    }
  }

  @Override
  public final void rolledBack(int slot) {
    Growth growth = growths[slot];
    if (growth != null) {
      growths[slot] = null;
      takeBack(slot, growth.before);
    }
  }

  @Override
  public final TokenZones truncated(int slot, int length) {
    release(slot);
    return appended(slot, TokenZones.dense(length), true);
  }

  @Override
  public final long bytes() {
    return indexBytes() + (selector == null ? 0 : selector.bytes());
  }

  @Override
  public final void release(int slot) {
    growths[slot] = null;
    forget(slot);
  }

  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public final void close() {
    Selector last = selector;
    Closing index = this::closeIndex;
    try (index; last) {
      // nothing else
    }
  }

  /** Closing without a checked exception. */
  @FunctionalInterface
  private interface Closing extends AutoCloseable {
    @Override
    void close();
  }
}
