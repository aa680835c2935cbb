package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.Opened;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * {@link MagicPigOnHost} at work, with two backends: the near one has the model and attends in layers without samples; the
 * CPU has a copy of the other layers' rows, their hashes, and attends there all that a step does.
 *
 * <p>Each such layer of a step waits for the queries and the new rows to arrive, and the near backend then waits for the
 * outputs. So a step is not recorded, unless no sequence has a retrieval zone: then all is as it is without this class, and
 * rows are copied when a step wants them.
 */
final class MagicPigHostState implements MethodState {
  private final MagicPig method;
  private final Backend near;
  private final KvStore kv;
  private final Backend host;
  /** For each layer its number on the host, -1 if it has no samples. */
  private final int[] onHost;
  private final KvCopy rows;
  private final MagicPigState state;
  /** Sequences of the step that comes, and their zones before it. */
  private final Map<Integer, TokenZones> coming = new LinkedHashMap<>();
  private @Nullable StepOnHost step;
  /** Copies of the last selection, where somebody asked. */
  private @Nullable Allocator shown;
  private boolean selecting;
  private boolean begun;

  private MagicPigHostState(MagicPig method, Backend near, KvStore kv, Backend host,
      KvCopy rows, MagicPigState state) {
    this.method = method;
    this.near = near;
    this.kv = kv;
    this.host = host;
    this.rows = rows;
    this.state = state;
    this.onHost = new int[kv.shape().layers()];
    Arrays.fill(onHost, -1);
    int[] sampled = method.sampledLayers(kv.shape());
    for (int i = 0; i < sampled.length; i++) {
      onHost[sampled[i]] = i;
    }
  }

  /**
   * Begins, with layers that are sampled.
   *
   * @param host closed with this, or if this fails
   */
  static MagicPigHostState open(MagicPig method, Backend near, KvStore kv, Backend host) {
    Opened opened = new Opened();
    try {
      opened.keep(host);
      KvCopy rows = opened.keep(new KvCopy(kv, method.sampledLayers(kv.shape()), host));
      MagicPigState state = method.withoutDenseLayers().open(host, rows.store());
      return new MagicPigHostState(method, near, kv, host, rows, state);
    } catch (RuntimeException | Error e) {
      opened.closeAfter(e);
      throw e;
    }
  }

  @Override
  public void beforeStep(int slot, TokenZones zones) {
    coming.put(slot, zones);
  }

  /** {@inheritDoc} With a sequence that is sampled the others attend on the host too, so it gets their rows. */
  @Override
  public long prepare(List<TokenZones> zones) {
    Map<Integer, TokenZones> sequences = new LinkedHashMap<>(coming);
    coming.clear();
    begun = false;
    selecting = zones.stream().anyMatch(each -> each.retrievalTokens() > 0);
    if (selecting) {
      sequences.forEach((slot, each) -> {
        rows.bring(slot, each);
        rows.keep(slot, each.length());
        rows.reserve(slot, each.length() + 1);
        state.beforeStep(slot, each);
      });
    }
    return state.prepare(zones);
  }

  @Override
  public boolean recordable() {
    return !selecting;
  }

  @Override
  public void attend(int layer, Batch batch, Buffer q, Buffer out) {
    if (!selecting || kv.shape().window(layer) > 0) {
      near.attention().decode().attend(kv, layer, batch, q, null, out);
    } else if (dense(layer)) {
      near.attention().decode().attendAll(kv, layer, batch, q, out);
    } else {
      attendOnHost(layer, batch, q, out);
    }
  }

  private void attendOnHost(int layer, Batch batch, Buffer q, Buffer out) {
    StepOnHost here = begun(batch);
    here.fetchQueries(near, q);
    for (int row = 0; row < batch.rows(); row++) {
      rows.bringRow(onHost[layer], here.slot(row), here.position(row));
    }
    state.attend(onHost[layer], here.batch(), here.q(), here.out());
    here.giveBack(near, out);
  }

  /** The step on the host, begun as it was begun near. */
  private StepOnHost begun(Batch batch) {
    StepOnHost current = step;
    if (current == null || current.batch().rows() != batch.rows()) {
      step = null; // also if there is no room for the next one
      if (current != null) {
        current.close();
      }
      current = new StepOnHost(host, kv.shape(), batch.rows());
      step = current;
      begun = false;
    }
    if (!begun) {
      current.fetchSlots(near, batch);
      host.attention().advance().advance(rows.store(), current.batch());
      begun = true;
    }
    return current;
  }

  @Override
  public boolean dense(int layer) {
    return method.dense(layer);
  }

  /** {@inheritDoc} Positions are copied to where the near backend reads them. */
  @Override
  public @Nullable Selection selection() {
    Selection chosen = state.selection();
    if (chosen == null) {
      return null;
    }
    forgetShown();
    Allocator memory = near.newAllocator();
    shown = memory;
    return new Selection(near.place(chosen.positions(), memory),
        near.place(chosen.counts(), memory));
  }

  private void forgetShown() {
    if (shown != null) {
      shown.close();
      shown = null;
    }
  }

  /** {@inheritDoc} Rows of a prompt are copied here; those that a sampling step appended are there already. */
  @Override
  public TokenZones appended(int slot, TokenZones zones, boolean prefill) {
    if (prefill) {
      rows.bring(slot, zones);
    }
    TokenZones next = state.appended(slot, zones, prefill);
    kv.setZones(slot, next);
    if (prefill || selecting) {
      rows.keep(slot, zones.length());
    }
    return next;
  }

  @Override
  public void rolledBack(int slot) {
    coming.remove(slot); // if another sequence of its batch could not be prepared
    state.rolledBack(slot);
  }

  @Override
  public TokenZones truncated(int slot, int length) {
    rows.cut(slot, length);
    state.release(slot);
    return appended(slot, TokenZones.dense(length), true);
  }

  @Override
  public StepCost cost(int slot, TokenZones zones) {
    return cost(slot, zones, method.expected(zones));
  }

  @Override
  public StepCost cost(int slot, TokenZones zones, double selected) {
    return method.cost(kv.shape(), zones, selected, true); // the vector backend has lists
  }

  @Override
  public long bytes() {
    return hostBytes() + (shown == null ? 0 : shown.allocatedBytes());
  }

  @Override
  public long hostBytes() {
    return rows.bytes() + state.bytes() + (step == null ? 0 : step.bytes());
  }

  @Override
  public void release(int slot) {
    coming.remove(slot);
    state.release(slot);
    rows.release(slot);
  }

  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public void close() {
    StepOnHost last = step;
    try (host; rows; state; last) {
      forgetShown();
    }
  }
}
