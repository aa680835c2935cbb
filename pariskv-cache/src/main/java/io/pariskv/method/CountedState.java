package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.Opened;
import io.pariskv.retrieve.ContextBins;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * {@link CountedMethod} at work. Counts of a slot begin anew with its first step after a prompt. Bins are then as wide as
 * lets the context grow by an eighth; when it has, two and two become one.
 */
final class CountedState implements ForwardingState {
  private static final int BINS = ContextBins.BINS;
  private static final int STEPS = ContextBins.STEPS;

  private final MethodState state;
  private final Backend backend;
  private final KvStore kv;
  private final Allocator memory;
  private final ContextBins bins;
  /** For each slot the tokens of a bin. */
  private final int[] widths;
  /** For each slot the tokens before the first step that is counted; -1 before that step. */
  private final int[] firsts;
  /** The first layer that selects, which begins a step's row; -1 for none. */
  private final int first;

  private CountedState(Backend backend, KvStore kv, MethodState state, Allocator memory) {
    this.state = state;
    this.backend = backend;
    this.kv = kv;
    this.memory = memory;
    this.bins = ContextBins.allocate(memory, kv.slots());
    this.widths = new int[kv.slots()];
    this.firsts = new int[kv.slots()];
    Arrays.fill(widths, 1);
    Arrays.fill(firsts, -1);
    backend.upload(MemorySegment.ofArray(widths), bins.widths());
    this.first = IntStream.range(0, kv.shape().layers()).filter(this::selects).findFirst()
        .orElse(-1);
  }

  private boolean selects(int layer) {
    return kv.shape().window(layer) == 0 && !state.dense(layer);
  }

  /** @param state that it takes over: closed, if there is no memory */
  static CountedState open(Backend backend, KvStore kv, MethodState state) {
    Opened opened = new Opened();
    try {
      opened.keep(state);
      return new CountedState(backend, kv, state, opened.keep(backend.newAllocator()));
    } catch (RuntimeException | Error e) {
      opened.closeAfter(e);
      throw e;
    }
  }

  @Override
  public MethodState state() {
    return state;
  }

  @Override
  public void beforeStep(int slot, TokenZones zones) {
    state.beforeStep(slot, zones);
    int length = zones.length();
    if (firsts[slot] < 0) {
      firsts[slot] = length;
      write(slot, width(length), new long[BINS], new int[STEPS * BINS]);
    } else if ((length + 1L) > (long) widths[slot] * BINS) {
      widen(slot);
    }
  }

  /** Tokens of a bin at first. */
  private static int width(int length) {
    return Math.toIntExact((length + length / 8L) / BINS + 1);
  }

  private void write(int slot, int width, long[] sums, int[] steps) {
    widths[slot] = width;
    backend.upload(MemorySegment.ofArray(widths), bins.widths());
    backend.upload(MemorySegment.ofArray(sums), row(bins.sums(), slot));
    backend.upload(MemorySegment.ofArray(steps), row(bins.steps(), slot));
  }

  private static Buffer row(Buffer of, int slot) {
    return of.slice(slot, slot + 1L);
  }

  /** Two bins become one. */
  private void widen(int slot) {
    long[] sums = sums(slot);
    int[] steps = steps(slot);
    long[] fewer = new long[BINS];
    int[] fewerOfSteps = new int[STEPS * BINS];
    for (int bin = 0; bin < BINS; bin++) {
      fewer[bin / 2] += sums[bin];
      for (int row = 0; row < STEPS * BINS; row += BINS) {
        fewerOfSteps[row + bin / 2] += steps[row + bin];
      }
    }
    write(slot, Math.multiplyExact(2, widths[slot]), fewer, fewerOfSteps);
  }

  private long[] sums(int slot) {
    long[] sums = new long[BINS];
    backend.download(row(bins.sums(), slot), MemorySegment.ofArray(sums));
    return sums;
  }

  private int[] steps(int slot) {
    int[] steps = new int[STEPS * BINS];
    backend.download(row(bins.steps(), slot), MemorySegment.ofArray(steps));
    return steps;
  }

  @Override
  public void attend(int layer, Batch batch, Buffer q, Buffer out) {
    state.attend(layer, batch, q, out);
    Selection selection = selects(layer) ? state.selection() : null;
    if (selection != null) {
      backend.selection().counts().add(kv, batch, selection, layer == first, bins);
    }
  }

  @Override
  public TokenZones appended(int slot, TokenZones zones, boolean prefill) {
    if (prefill) {
      firsts[slot] = -1;
    }
    return state.appended(slot, zones, prefill);
  }

  @Override
  public TokenZones truncated(int slot, int length) {
    firsts[slot] = -1;
    return state.truncated(slot, length);
  }

  @Override
  public void release(int slot) {
    firsts[slot] = -1;
    state.release(slot);
  }

  @Override
  public @Nullable SelectedPlaces selectedPlaces(int slot, TokenZones zones) {
    int first = firsts[slot];
    int length = zones.length();
    if (first < 0 || first == length) {
      return new SelectedPlaces(width(length), 0, new long[BINS], List.of());
    }
    int[] steps = steps(slot);
    List<int[]> latest = new ArrayList<>();
    for (int position = Math.max(first, length - STEPS + 1); position < length; position++) {
      int row = position % STEPS * BINS;
      latest.add(Arrays.copyOfRange(steps, row, row + BINS));
    }
    return new SelectedPlaces(widths[slot], length - first, sums(slot), latest);
  }

  @Override
  public long bytes() {
    return state.bytes() + memory.allocatedBytes();
  }

  /** {@inheritDoc} All of it, even if a part fails. */
  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public void close() {
    MethodState last = state;
    try (memory; last) {
      // nothing else
    }
  }
}
