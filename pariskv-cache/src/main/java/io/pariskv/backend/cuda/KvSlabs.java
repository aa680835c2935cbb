package io.pariskv.backend.cuda;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The memory of a {@link CudaKvStore}'s sequences, and the tables by which kernels find it: slabs in device memory or,
 * with offload, in pinned host memory, then with resident rows in device memory. One driving thread.
 */
final class KvSlabs {
  private final Kernels kernels;
  private final KvShape shape;
  private final boolean offloaded;
  private final @Nullable CudaRowCache rowCache;
  /** {@code [slots][layers][2][MAX_SLABS]} addresses. */
  private final Buffer slabs;
  /** {@code [slots]} addresses. */
  private final Buffer residents;
  private final @Nullable Sequence[] sequences;

  /**
   * Slabs of a layer that lie beside each other where a sequence grows by so many at once: those of a prompt. Then fewer
   * translations of addresses serve the scattered rows of a step.
   */
  private static final int RUN = 32;

  /**
   * A slab of all layers, each {@code [kvHeads][SLAB_TOKENS][2][headDim]}.
   *
   * @param address of layer 0's
   * @param stride bytes from one layer's to the next one's
   */
  private record Slab(long address, long stride) {
    long of(int layer) {
      return address + layer * stride;
    }
  }

  /** One slot's memory and its owners. */
  private static final class Sequence {
    final List<Allocator> owners = new ArrayList<>();
    final List<Slab> slabs = new ArrayList<>();
    /** Most tokens ever asked for, and so more than decode steps can have advanced the length to. */
    int reserved;

    int capacity() {
      return slabs.size() << TokenSlabs.SLAB_SHIFT;
    }

    void close() {
      Failures failures = new Failures();
      owners.forEach(owner -> failures.attempt(owner::close));
      failures.throwFirst();
    }
  }

  /**
   * No sequence yet.
   *
   * @param tables owns what is there from the start
   * @param rowCache opened for a sequence when it gets its first memory, if there is one
   */
  KvSlabs(Kernels kernels, Allocator tables, KvShape shape, int slots, boolean offloaded,
      @Nullable CudaRowCache rowCache) {
    this.kernels = kernels;
    this.shape = shape;
    this.offloaded = offloaded;
    this.rowCache = rowCache;
    this.slabs = tables.allocate(DType.I64, slots, shape.layers(), 2, CudaKvStore.MAX_SLABS);
    this.residents = tables.allocate(DType.I64, slots);
    this.sequences = new @Nullable Sequence[slots];
  }

  /** Adds the tables of slabs and, with offload, of resident rows. */
  KernelLaunch args(KernelLaunch launch) {
    return launch.arg(slabs).arg(offloaded ? residents.address() : 0L);
  }

  /** Device address of the slab addresses of one layer of a sequence, {@code [2][MAX_SLABS] u64}. */
  long table(int layer, int slot) {
    return slabs.address()
        + 2L * CudaKvStore.MAX_SLABS * Long.BYTES * ((long) slot * shape.layers() + layer);
  }

  /** The slab of a sequence: an address that kernels and copies can use. */
  long address(int layer, int slot, boolean values, int slab) {
    return sequence(slot).slabs.get(slab).of(Objects.checkIndex(layer, shape.layers()))
        + (values ? rowBytes() : 0);
  }

  private long slabBytes() {
    return TokenSlabs.slabBytes(shape.dtype(), shape.kvHeads(), shape.headDim());
  }

  private int rowBytes() {
    return shape.headDim() * shape.dtype().bytes();
  }

  private long residentBytes() {
    return 2L * shape.layers() * shape.kvHeads() * CudaKvStore.RESIDENT_ROWS * rowBytes();
  }

  /** Begins a sequence without memory. */
  void open(int slot) {
    sequences[slot] = new Sequence();
  }

  boolean isOpen(int slot) {
    return sequences[slot] != null;
  }

  boolean noneOpen() {
    return Arrays.stream(sequences).allMatch(Objects::isNull);
  }

  /** Refuses a slot that has no sequence. */
  void requireOpen(int slot) {
    sequence(slot);
  }

  private Sequence sequence(int slot) {
    Sequence sequence = sequences[slot];
    if (sequence == null) {
      throw new IllegalStateException("sequence slot " + slot + " is not open");
    }
    return sequence;
  }

  /** Forgets a sequence and frees all of its memory, even if a part fails. */
  void close(int slot) {
    Sequence sequence = sequence(slot);
    sequences[slot] = null;
    sequence.close();
  }

  /** Tokens that there is room for. */
  int capacity(int slot) {
    return sequence(slot).capacity();
  }

  /** Most tokens ever reserved. */
  int reserved(int slot) {
    return sequence(slot).reserved;
  }

  /** Makes room for {@code tokens} tokens; what is there already costs nothing. Not inside a recorded step. */
  void reserve(int slot, int tokens) {
    Sequence sequence = sequence(slot);
    if (tokens > sequence.capacity()) {
      kernels.context().requireNotRecording("reserve K and V");
      grow(slot, sequence, (int) TokenSlabs.slabs(tokens));
    }
    sequence.reserved = Math.max(sequence.reserved, tokens);
  }

  /** Adds memory, all of it or none: every growth has owners of its own. */
  private void grow(int slot, Sequence sequence, int count) {
    List<Allocator> owners = new ArrayList<>();
    List<Slab> added = new ArrayList<>();
    try {
      if (offloaded && sequence.slabs.isEmpty()) {
        Allocator device = new DeviceAllocator(kernels.stream());
        owners.add(device);
        kernels.ring().upload(addresses(device.allocate(DType.U8, residentBytes()).address()),
            residents.address() + (long) slot * Long.BYTES);
      }
      Allocator rows = offloaded
          ? PinnedAllocator.exact(kernels.context())
          : new DeviceAllocator(kernels.stream());
      owners.add(rows);
      int first = sequence.slabs.size();
      while (first + added.size() < count) {
        added.addAll(run(rows, Math.min(RUN, count - first - added.size())));
      }
      publish(slot, first, added);
      if (rowCache != null && !rowCache.isOpen(slot)) {
        owners.add(rowCache.open(slot)); // last: what fails before leaves nothing of it
      }
    } catch (RuntimeException | Error e) {
      owners.forEach(owner -> Failures.suppressing(e, owner::close));
      throw e;
    }
    sequence.owners.addAll(owners);
    sequence.slabs.addAll(added);
  }

  /** New slabs, those of a layer beside each other. */
  private List<Slab> run(Allocator rows, int count) {
    Buffer buffer = rows.allocate(shape.dtype(), shape.layers(), count, shape.kvHeads(),
        TokenSlabs.SLAB_TOKENS, 2, shape.headDim());
    long bytes = 2 * slabBytes();
    return IntStream.range(0, count)
        .mapToObj(i -> new Slab(buffer.address() + i * bytes, count * bytes)).toList();
  }

  /** Shows kernels the addresses of new slabs, from number {@code first} on. */
  private void publish(int slot, int first, List<Slab> added) {
    for (int layer = 0; layer < shape.layers(); layer++) {
      for (boolean values : new boolean[]{false, true}) {
        int at = layer;
        long table = table(layer, slot) + (values ? CudaKvStore.MAX_SLABS : 0L) * Long.BYTES;
        kernels.ring().upload(
            addresses(added.stream().mapToLong(slab -> slab.of(at) + (values ? rowBytes() : 0))
                .toArray()),
            table + (long) first * Long.BYTES);
      }
    }
  }

  private static MemorySegment addresses(long... addresses) {
    return MemorySegment.ofArray(addresses);
  }

  /** Bytes in device memory, tables left out: slabs, or with offload resident rows. */
  long deviceBytes() {
    return offloaded
        ? Arrays.stream(sequences).filter(each -> each != null && each.capacity() > 0).count()
            * residentBytes()
        : blockBytes();
  }

  /** Bytes in pinned host memory: with offload the slabs. */
  long pinnedBytes() {
    return offloaded ? blockBytes() : 0;
  }

  private long blockBytes() {
    return Arrays.stream(sequences).filter(Objects::nonNull)
        .mapToLong(each -> each.slabs.size() * 2L * shape.layers() * slabBytes()).sum();
  }
}
