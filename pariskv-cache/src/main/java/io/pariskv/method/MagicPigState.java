package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.index.HashIndex;
import io.pariskv.index.SimHash;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.Opened;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** {@link MagicPig} at work: the hashes of every sequence. */
final class MagicPigState extends SelectingState {
  private final MagicPig method;
  private final Allocator memory;
  private final HashIndex index;
  /** Whether a slot's keys have a mean, and are hashed. */
  private final boolean[] hashed;
  private @Nullable MagicPigSelector selector;

  private MagicPigState(MagicPig method, Backend backend, KvStore kv, Allocator memory) {
    super(backend, kv, method::slide);
    this.method = method;
    this.memory = memory;
    this.hashed = new boolean[kv.slots()];
    SimHash hash = method.hash();
    int headDim = kv.shape().headDim();
    Buffer planes = upload(hash.planes(headDim, SimHash.SEED), headDim, hash.stride());
    Buffer logWeights = upload(hash.logWeights(), SimHash.INTERVALS + 1L);
    Opened opened = new Opened();
    try {
      index = new HashIndex(hash, planes, logWeights, opened.keep(table(DType.F32, headDim)),
          opened.keep(table(DType.I32, HashIndex.width(hash))),
          opened.keep(backend.newBucketLists(kv.shape(), kv.slots(), hash)));
    } catch (RuntimeException | Error e) {
      opened.closeAfter(e);
      throw e;
    }
  }

  private Buffer upload(float[] numbers, long... shape) {
    Buffer buffer = memory.allocate(DType.F32, shape);
    backend().upload(MemorySegment.ofArray(numbers), buffer);
    return buffer;
  }

  private ZoneTable table(DType dtype, int width) {
    return backend().newZoneTable(kv().shape().keptExcept(method::dense), kv().slots(), dtype,
        width,
        TokenSlabs.SLAB_TOKENS);
  }

  static MagicPigState open(MagicPig method, Backend backend, KvStore kv) {
    Allocator memory = backend.newAllocator();
    try {
      return new MagicPigState(method, backend, kv, memory);
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  @Override
  public boolean dense(int layer) {
    return method.dense(layer);
  }

  /** {@inheritDoc} The prompt is complete, so its keys have their mean. */
  @Override
  public void beforeStep(int slot, TokenZones zones) {
    if (hashed[slot] || zones.retrievalTokens() == 0) {
      return;
    }
    reserve(slot, zones.retrievalTokens());
    index.means().reserve(slot, 1);
    for (int layer = 0; layer < kv().shape().layers(); layer++) {
      if (kv().shape().window(layer) == 0 && !dense(layer)) {
        backend().hashes().mean().find(kv(), layer, slot, zones, index);
        encode(layer, slot, zones.sinkEnd(), zones);
      }
    }
    hashed[slot] = true;
  }

  private void encode(int layer, int slot, int from, TokenZones zones) {
    backend().hashes().hashing().encode(kv(), layer, slot, from, zones, index);
  }

  HashIndex hashes() {
    return index;
  }

  @Override
  void reserve(int slot, int keys) {
    index.signatures().reserve(slot, keys);
  }

  /** {@inheritDoc} Those of a prompt have to wait until it is complete. */
  @Override
  void index(int layer, int slot, int from, TokenZones zones) {
    if (hashed[slot] && !dense(layer)) {
      encode(layer, slot, from, zones);
    }
  }

  /** {@inheritDoc} The mean stays as it is, and so do the hashes of all other keys. */
  @Override
  void takeBack(int slot, TokenZones zones) {
    if (zones.retrievalTokens() == 0) {
      forget(slot);
    }
  }

  @Override
  void forget(int slot) {
    hashed[slot] = false;
    index.means().release(slot);
    index.signatures().release(slot);
    index.lists().release(slot);
  }

  @Override
  long indexBytes() {
    return index.bytes() + memory.allocatedBytes();
  }

  @Override
  @SuppressWarnings("try") // closed in the end, last first
  void closeIndex() {
    try (memory; index) {
      // nothing else
    }
  }

  @Override
  Selector newSelector(int rows, int keys) {
    MagicPigSelector created = new MagicPigSelector(backend(), kv(), index, rows, keys);
    selector = created;
    return created;
  }

  @Override
  void attendSelected(int layer, Batch batch, Buffer q, Selection chosen, Buffer out) {
    Buffer logWeights = selector == null ? null : selector.logWeights();
    backend().attention().perHead().attend(kv(), layer, batch, q, chosen, logWeights, out);
  }

  @Override
  public StepCost cost(int slot, TokenZones zones) {
    return cost(slot, zones, method.expected(zones));
  }

  @Override
  public StepCost cost(int slot, TokenZones zones, double selected) {
    return method.cost(kv().shape(), zones, selected, index.lists().any());
  }
}
