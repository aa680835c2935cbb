package io.pariskv.backend.cuda;

import io.pariskv.kv.KvShape;
import io.pariskv.kv.RowFetches;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Rows of K and V in device memory that decode steps had selected from host memory: for each sequence, layer that
 * sees everything and KV head as many places, and what position each has. {@code row_cache.cu} gives places
 * away, decode attention fills and reads them; {@code io.pariskv.kv.ClockCache} says which rows stay.
 *
 * <p>What keeps it exact:
 * <ul>
 * <li>A place belongs to a position of its sequence, wherever the zones begin, so they may move.
 * <li>A position in the retrieval zone is written again only after {@link CudaKvStore#setZones} made the sequence
 * shorter than that. Then all of the sequence is forgotten, in stream order, before anybody can write.
 * <li>{@code row_cache.cu} gives a place away in the launch before the attention that fills it, in one step or one
 * recording, behind all checks: either both run or none.
 * <li>It reads what is known of places before it waits for the kernel before it, which therefore never is one that
 * changes them: at least attention comes between two look-ups.
 * <li>Sequences share no places, and {@link #open} clears what was there.
 * </ul>
 *
 * <p>Nothing grows with a sequence: positions are found by places, not places by positions. One driving thread.
 */
final class CudaRowCache {
  private final Kernels kernels;
  private final KvShape shape;
  private final int rows;
  /** {@code [slots][layers]} addresses of {@code [2][kvHeads][rows][headDim]}: K, then V. */
  private final Buffer rowTable;
  /** {@code [slots][layers]} addresses of what is known of places; see {@code row_cache.cu}. */
  private final Buffer stateTable;
  /** {@code [slots][2] i64}: hits and misses. */
  private final Buffer counts;
  /** For each slot the address of the states of its layers, one behind the other; 0 if it has none. */
  private final long[] states;
  /** For each slot a bound: no place has this position or a later one. */
  private final int[] ends;

  /**
   * A cache without memory for rows yet.
   *
   * @param tables owns what is there from the start
   * @param rows places of a KV head, 1 to {@link CudaRowLookup#mostRows}
   */
  CudaRowCache(Kernels kernels, Allocator tables, KvShape shape, int slots, int rows) {
    int most = CudaRowLookup.mostRows(kernels);
    if (rows < 1 || rows > most) {
      throw new IllegalArgumentException("a cache of " + rows + " rows; from 1 to " + most
          + " are possible on this GPU; give --row-cache as few, auto or off");
    }
    this.kernels = kernels;
    this.shape = shape;
    this.rows = rows;
    this.rowTable = tables.allocate(DType.I64, slots, shape.layers());
    this.stateTable = tables.allocate(DType.I64, slots, shape.layers());
    this.counts = tables.allocate(DType.I64, slots, 2);
    this.states = new long[slots];
    this.ends = new int[slots];
  }

  /** Bytes of device memory that one sequence takes. */
  static long bytes(KvShape shape, int rows) {
    return layers(shape) * (rowBytes(shape, rows) + stateBytes(shape, rows));
  }

  private static long layers(KvShape shape) {
    return shape.windows().stream().filter(window -> window == 0).count();
  }

  /** Of one layer. */
  private static long rowBytes(KvShape shape, int rows) {
    return shape.tokenBytes() * rows;
  }

  /** Of one layer: owners, a bit for each place, and the hand. */
  private static long stateBytes(KvShape shape, int rows) {
    return (long) Integer.BYTES * shape.kvHeads() * (rows + Math.ceilDiv(rows, 32) + 1);
  }

  /** Places of a KV head. */
  int rows() {
    return rows;
  }

  /** Device address of the addresses of rows, {@code [slots][layers] u64}; 0 in a layer that has none. */
  long rowTable() {
    return rowTable.address();
  }

  /** Device address of the addresses of what is known of places, {@code [slots][layers] u64}. */
  long stateTable() {
    return stateTable.address();
  }

  /** Hits and misses of every slot, {@code [slots][2] i64}. */
  Buffer counts() {
    return counts;
  }

  /** Memory for a sequence, empty places; the caller closes it when the sequence is {@link #release released}. */
  Allocator open(int slot) {
    DeviceAllocator memory = new DeviceAllocator(kernels.stream());
    try {
      long rowsAt = memory.allocate(DType.U8, layers(shape), rowBytes(shape, rows)).address();
      long statesAt = memory.allocate(DType.U8, layers(shape), stateBytes(shape, rows)).address();
      publish(rowTable, slot, rowsAt, rowBytes(shape, rows));
      publish(stateTable, slot, statesAt, stateBytes(shape, rows));
      upload(new long[2], counts.address() + 2L * Long.BYTES * slot);
      states[slot] = statesAt;
      return memory;
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, memory::close);
      throw e;
    }
  }

  /** Shows kernels where each layer's part begins. */
  private void publish(Buffer table, int slot, long first, long bytes) {
    long[] addresses = new long[shape.layers()];
    long next = first;
    for (int layer = 0; layer < addresses.length; layer++) {
      if (shape.window(layer) == 0) {
        addresses[layer] = next;
        next += bytes;
      }
    }
    upload(addresses, table.address() + (long) Long.BYTES * slot * shape.layers());
  }

  private void upload(long[] values, long target) {
    kernels.ring().upload(MemorySegment.ofArray(values), target);
  }

  /** The memory of {@code slot} is about to be freed. */
  void release(int slot) {
    states[slot] = 0;
    ends[slot] = 0;
  }

  /** Takes note of zones before kernels see them; see the invariants. */
  void setZones(int slot, TokenZones zones) {
    if (zones.length() < ends[slot]) {
      forget(slot);
    }
    ends[slot] = Math.max(ends[slot], zones.recentStart());
  }

  private void forget(int slot) {
    if (states[slot] != 0) {
      kernels.stream().fill(states[slot], (byte) 0, layers(shape) * stateBytes(shape, rows));
    }
    ends[slot] = 0;
  }

  /** Whether memory for {@code slot} is there. */
  boolean isOpen(int slot) {
    return states[slot] != 0;
  }

  /** Hits and misses of the sequence so far; waits for the GPU. */
  RowFetches fetches(int slot) {
    if (!isOpen(slot)) {
      return RowFetches.NONE; // what is there is that of the sequence before
    }
    long[] values = new long[2];
    kernels.ring().download(counts.address() + 2L * Long.BYTES * slot,
        MemorySegment.ofArray(values));
    return new RowFetches(values[0], values[1]);
  }

  /** Bytes of device memory that open sequences take. */
  long bytes() {
    return Arrays.stream(states).filter(state -> state != 0).count() * bytes(shape, rows);
  }
}
