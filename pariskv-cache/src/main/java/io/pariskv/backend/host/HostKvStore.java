package io.pariskv.backend.host;

import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.HostAllocator;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * K and V in host memory: for each slot and layer two {@link TokenSlabs}, slabs of {@code
 * [kvHeads][SLAB_TOKENS][headDim]}. All zones live in the same slabs; zones are arithmetic only.
 */
public final class HostKvStore implements KvStore {
  private final KvShape shape;
  private final Slots slots;
  private final HostAllocator tables = new HostAllocator();
  private final Buffer zones;
  private final @Nullable Sequence[] sequences;

  /** One slot's rows and their owner. */
  private record Sequence(HostAllocator memory, TokenSlabs[] keys, TokenSlabs[] values) {
  }

  /** An empty store. */
  public HostKvStore(KvShape shape, int slots) {
    this.shape = shape;
    this.slots = new Slots(slots);
    this.zones = tables.allocate(DType.I32, slots, ZONE_FIELDS);
    this.sequences = new @Nullable Sequence[slots];
  }

  /**
   * The host store behind {@code kv}.
   *
   * @throws IllegalArgumentException if another kind of backend made it
   */
  public static HostKvStore of(KvStore kv) {
    if (kv instanceof HostKvStore host) {
      return host;
    }
    throw new IllegalArgumentException(
        "a CPU stage cannot read a " + kv.getClass().getSimpleName()
            + "; create the store with the backend that runs the stages");
  }

  @Override
  public KvShape shape() {
    return shape;
  }

  @Override
  public int slots() {
    return slots.count();
  }

  @Override
  public int open() {
    int slot = slots.open();
    HostAllocator memory = new HostAllocator();
    TokenSlabs[] keys = new TokenSlabs[shape.layers()];
    TokenSlabs[] values = new TokenSlabs[shape.layers()];
    for (int layer = 0; layer < shape.layers(); layer++) {
      keys[layer] = new TokenSlabs(memory, shape.dtype(), shape.kvHeads(), shape.headDim());
      values[layer] = new TokenSlabs(memory, shape.dtype(), shape.kvHeads(), shape.headDim());
    }
    sequences[slot] = new Sequence(memory, keys, values);
    setZones(slot, TokenZones.dense(0));
    return slot;
  }

  @Override
  public void release(int slot) {
    sequence(slot).memory.close();
    sequences[slot] = null;
    slots.release(slot);
  }

  @Override
  public void reserve(int slot, int tokens) {
    Sequence sequence = sequence(slot);
    for (int layer = 0; layer < shape.layers(); layer++) {
      sequence.keys[layer].reserve(tokens);
      sequence.values[layer].reserve(tokens);
    }
  }

  @Override
  public int capacity(int slot) {
    return sequence(slot).values[shape.layers() - 1].capacity();
  }

  @Override
  public Buffer zones() {
    return zones;
  }

  @Override
  public void setZones(int slot, TokenZones value) {
    long at = (long) slot * ZONE_FIELDS;
    zones.segment().setAtIndex(ValueLayout.JAVA_INT, at, value.sinkEnd());
    zones.segment().setAtIndex(ValueLayout.JAVA_INT, at + 1, value.recentStart());
    zones.segment().setAtIndex(ValueLayout.JAVA_INT, at + 2, value.length());
  }

  /** The zones of {@code slot} as the stages see them now. */
  public TokenZones zones(int slot) {
    long at = (long) slot * ZONE_FIELDS;
    return new TokenZones(zones.segment().getAtIndex(ValueLayout.JAVA_INT, at),
        zones.segment().getAtIndex(ValueLayout.JAVA_INT, at + 1),
        zones.segment().getAtIndex(ValueLayout.JAVA_INT, at + 2));
  }

  /** Keys of one layer and slot, {@code [kvHeads][tokens][headDim]}. */
  public TokenSlabs keys(int layer, int slot) {
    return sequence(slot).keys[layer];
  }

  /** Values of one layer and slot, {@code [kvHeads][tokens][headDim]}. */
  public TokenSlabs values(int layer, int slot) {
    return sequence(slot).values[layer];
  }

  private Sequence sequence(int slot) {
    Sequence sequence = sequences[slot];
    if (sequence == null) {
      throw new IllegalStateException("sequence slot " + slot + " is not open");
    }
    return sequence;
  }

  @Override
  public void copy(int source, int target, int from, int to) {
    for (int slot : new int[]{source, target}) {
      if (from < 0 || to > capacity(slot)) {
        throw new IllegalArgumentException("positions " + from + " to " + (to - 1)
            + " are copied where " + capacity(slot) + " tokens have room; reserve first");
      }
    }
    for (int layer = 0; layer < shape.layers(); layer++) {
      copy(keys(layer, source), keys(layer, target), from, to);
      copy(values(layer, source), values(layer, target), from, to);
    }
  }

  /** Rows of a head are neighbours as far as the slab goes. */
  private static void copy(TokenSlabs source, TokenSlabs target, int from, int to) {
    for (int head = 0; head < source.outer(); head++) {
      for (int at = from; at < to;) {
        int end = Math.min(to, (at / TokenSlabs.SLAB_TOKENS + 1) * TokenSlabs.SLAB_TOKENS);
        target.rows(head, at, end).copyFrom(source.rows(head, at, end));
        at = end;
      }
    }
  }

  @Override
  public void read(int layer, int slot, int from, int tokens, MemorySegment k, MemorySegment v) {
    read(keys(layer, slot), from, tokens, k);
    read(values(layer, slot), from, tokens, v);
  }

  private static void read(TokenSlabs from, int start, int tokens, MemorySegment to) {
    long bytes = (long) from.width() * from.dtype().bytes();
    for (int kvHead = 0; kvHead < from.outer(); kvHead++) {
      for (int token = 0; token < tokens; token++) {
        MemorySegment.copy(from.row(kvHead, start + token), 0, to,
            ((long) token * from.outer() + kvHead) * bytes, bytes);
      }
    }
  }

  @Override
  public long bytes() {
    long bytes = tables.allocatedBytes();
    for (Sequence sequence : sequences) {
      bytes += sequence == null ? 0 : sequence.memory.allocatedBytes();
    }
    return bytes;
  }

  @Override
  public void close() {
    for (int slot = 0; slot < sequences.length; slot++) {
      if (sequences[slot] != null) {
        release(slot);
      }
    }
    tables.close();
  }
}
