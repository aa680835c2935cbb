package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;

/**
 * K and V of some layers of a store once more, where another backend's stages read them: the same bits in the same slots,
 * layer {@code i} being number {@code layers[i]} of the source. Its zones are its own. One driving thread.
 */
final class KvCopy implements AutoCloseable {
  /** Tokens that are on their way at a time. */
  private static final int CHUNK = TokenSlabs.SLAB_TOKENS;

  private final KvStore source;
  private final int[] layers;
  private final Backend backend;
  private final KvStore store;
  /** For each slot how many tokens are here and stay. */
  private final int[] kept;
  /** For the row of a step. */
  private final Way one;

  /** Without tokens; every slot is open, and has no memory yet. */
  KvCopy(KvStore source, int[] layers, Backend backend) {
    this.source = source;
    this.layers = layers.clone();
    this.backend = backend;
    this.store = backend.newKvStore(shape(source.shape(), layers.length), source.slots());
    this.kept = new int[source.slots()];
    for (int slot = 0; slot < kept.length; slot++) {
      store.open();
    }
    this.one = new Way(1);
  }

  /** The geometry of a copy of so many layers that see everything. */
  static KvShape shape(KvShape of, int layers) {
    return new KvShape(layers, of.heads(), of.kvHeads(), of.headDim(), of.dtype());
  }

  /** What the other backend's stages read. */
  KvStore store() {
    return store;
  }

  /** Bytes that sequences of so many tokens take at most, in the layers of {@code shape}. */
  static long bytes(KvShape shape, int slots, int tokens) {
    long row = 2L * Float.BYTES * shape.kvHeads() * shape.headDim();
    return slots * (shape.bytes(tokens) + (long) KvStore.ZONE_FIELDS * Integer.BYTES) + row;
  }

  /** Makes room for {@code tokens} tokens. */
  void reserve(int slot, int tokens) {
    store.reserve(slot, tokens);
  }

  /**
   * Brings the rows that are missing up to where {@code zones} end, which the copy has from here on. They stay only if
   * {@link #keep} follows. Waits for all work before.
   *
   * @throws OutOfMemoryError if the memory cannot be had
   */
  void bring(int slot, TokenZones zones) {
    int length = zones.length();
    reserve(slot, length);
    store.setZones(slot, zones);
    for (int from = kept[slot]; from < length; from += CHUNK) {
      try (Way way = new Way(Math.min(CHUNK, length - from))) {
        for (int i = 0; i < layers.length; i++) {
          way.bring(i, slot, from);
        }
      }
    }
  }

  /** Brings the row of one token of one layer, for which there must be room. Waits for all work before. */
  void bringRow(int i, int slot, int position) {
    one.bring(i, slot, position);
  }

  /** The first {@code tokens} rows of a sequence are here, and stay. */
  void keep(int slot, int tokens) {
    kept[slot] = tokens;
  }

  /** Rows from {@code length} on are written anew. */
  void cut(int slot, int length) {
    kept[slot] = Math.min(kept[slot], length);
  }

  /** Frees the rows of a sequence. */
  void release(int slot) {
    kept[slot] = 0;
    store.release(slot);
    store.open(); // the only slot that is free
  }

  /** Bytes held now. */
  long bytes() {
    return store.bytes() + one.memory.allocatedBytes();
  }

  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public void close() {
    try (store; one) {
      // nothing else
    }
  }

  /** Memory for rows that are on their way. */
  private final class Way implements AutoCloseable {
    private final Allocator memory = backend.newAllocator();
    private final int tokens;
    private final float[] k;
    private final float[] v;
    private final Buffer keys;
    private final Buffer values;

    Way(int tokens) {
      KvShape shape = store.shape();
      this.tokens = tokens;
      k = new float[tokens * shape.kvHeads() * shape.headDim()];
      v = new float[k.length];
      keys = memory.allocate(DType.F32, tokens, shape.kvHeads(), shape.headDim());
      values = memory.allocate(DType.F32, tokens, shape.kvHeads(), shape.headDim());
    }

    /** Rounds nothing: the numbers come from rows of the same type. */
    void bring(int i, int slot, int from) {
      source.read(layers[i], slot, from, tokens, k, v);
      backend.upload(MemorySegment.ofArray(k), keys);
      backend.upload(MemorySegment.ofArray(v), values);
      backend.attention().append().appendChunk(store, i, slot, from, keys, values);
    }

    @Override
    public void close() {
      memory.close();
    }
  }
}
