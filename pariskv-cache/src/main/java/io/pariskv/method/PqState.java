package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.index.CodebookTraining;
import io.pariskv.index.KeySample;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** {@link PqCache} at work: codes and codebooks of every sequence, and how many keys each selects. */
final class PqState extends SelectingState {
  private final PqCache method;
  private final Allocator memory;
  private final ZoneTable codes;
  private final ZoneTable codebooks;
  /** {@code [slots] i32}, what {@link #selected} says where the stages run. */
  private final Buffer budgets;
  /** Keys selected in each slot; -1 as long as it has no codebooks. */
  private final int[] selected;

  private PqState(PqCache method, Backend backend, KvStore kv, Allocator memory) {
    super(backend, kv, method::slide);
    KvShape shape = kv.shape();
    ProductQuantizer quantizer = method.quantizer();
    this.method = method;
    this.memory = memory;
    this.budgets = memory.allocate(DType.I32, kv.slots());
    this.selected = new int[kv.slots()];
    Arrays.fill(selected, -1);
    this.codes = backend.newZoneTable(shape, kv.slots(), DType.U8, quantizer.subvectors(), 1);
    this.codebooks = openCodebooks(backend, quantizer.bookSize(shape.headDim()));
  }

  private ZoneTable openCodebooks(Backend backend, int bookSize) {
    try {
      return backend.newZoneTable(kv().shape(), kv().slots(), DType.F32, bookSize,
          TokenSlabs.SLAB_TOKENS);
    } catch (RuntimeException | Error e) {
      codes.close();
      throw e;
    }
  }

  static PqState open(PqCache method, Backend backend, KvStore kv) {
    Allocator memory = backend.newAllocator();
    try {
      return new PqState(method, backend, kv, memory);
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  /** {@inheritDoc} The prompt is complete, so its keys can be quantised. */
  @Override
  public void beforeStep(int slot, TokenZones zones) {
    if (selected[slot] >= 0 || zones.retrievalTokens() == 0) {
      return;
    }
    reserve(slot, zones.retrievalTokens());
    codebooks.reserve(slot, 1);
    train(slot, zones);
    for (int layer = 0; layer < kv().shape().layers(); layer++) {
      if (kv().shape().window(layer) == 0) {
        encode(layer, slot, zones.sinkEnd(), zones);
      }
    }
    setSelected(slot, method.budget().k(zones.length()));
  }

  private void train(int slot, TokenZones zones) {
    KvShape shape = kv().shape();
    int[] positions = KeySample.positions(zones.sinkEnd(), zones.length(),
        CodebookTraining.MOST_ROWS);
    try (Allocator scratch = backend().newAllocator()) {
      Buffer chosen = scratch.allocate(DType.I32, positions.length);
      Buffer rows = scratch.allocate(shape.dtype(), positions.length, shape.headDim());
      backend().upload(MemorySegment.ofArray(positions), chosen);
      for (int layer = 0; layer < shape.layers(); layer++) {
        for (int kvHead = 0; kvHead < shape.kvHeads() && shape.window(layer) == 0; kvHead++) {
          backend().quantizer().sample().gather(kv(), layer, slot, kvHead, chosen, rows);
          backend().quantizer().training().train(rows, method.quantizer(), layer, slot, kvHead,
              codebooks);
        }
      }
    }
  }

  private void encode(int layer, int slot, int from, TokenZones zones) {
    backend().quantizer().coding().encode(kv(), layer, slot, from, zones, method.quantizer(),
        codebooks, codes);
  }

  private void setSelected(int slot, int k) {
    selected[slot] = k;
    int[] each = Arrays.stream(selected).map(keys -> Math.max(keys, 0)).toArray();
    backend().upload(MemorySegment.ofArray(each), budgets);
  }

  /** The most keys that a sequence selects. */
  int most() {
    return Math.max(0, Arrays.stream(selected).max().orElse(0));
  }

  ZoneTable codes() {
    return codes;
  }

  ZoneTable codebooks() {
    return codebooks;
  }

  @Override
  void reserve(int slot, int keys) {
    codes.reserve(slot, keys);
  }

  /** {@inheritDoc} Those of a prompt have to wait until it is complete. */
  @Override
  void index(int layer, int slot, int from, TokenZones zones) {
    if (selected[slot] >= 0) {
      encode(layer, slot, from, zones);
    }
  }

  /** {@inheritDoc} Codebooks stay as they are, and so do the codes of all other keys. */
  @Override
  void takeBack(int slot, TokenZones zones) {
    if (zones.retrievalTokens() == 0) {
      forget(slot);
    }
  }

  @Override
  void forget(int slot) {
    selected[slot] = -1;
    codes.release(slot);
    codebooks.release(slot);
  }

  @Override
  long indexBytes() {
    return codes.bytes() + codebooks.bytes() + memory.allocatedBytes();
  }

  @Override
  @SuppressWarnings("try") // closed in the end, last first
  void closeIndex() {
    try (memory; codes; codebooks) {
      // nothing else
    }
  }

  @Override
  Selector newSelector(int rows, int keys) {
    return new PqSelector(this, method, rows, keys, codebooks, codes, budgets);
  }

  @Override
  public StepCost cost(int slot, TokenZones zones) {
    KvShape shape = kv().shape();
    ProductQuantizer quantizer = method.quantizer();
    int keys = zones.retrievalTokens();
    int k = selected[slot] >= 0 ? selected[slot] : method.budget().k(zones.length());
    int attended = zones.residentTokens() + Math.min(k, keys);
    long summaries = keys == 0
        ? 0
        : (long) shape.kvHeads() * ((long) keys * quantizer.subvectors()
            + (long) Float.BYTES * quantizer.bookSize(shape.headDim()));
    return Costs.of(shape, zones.length(),
        layer -> new Costs.Layer(attended, attended, summaries));
  }
}
