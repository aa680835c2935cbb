package io.pariskv.backend.cuda;

import static io.pariskv.memory.TokenSlabs.SLAB_SHIFT;
import static io.pariskv.memory.TokenSlabs.SLAB_TOKENS;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The way of K and V between device and host during prefill with offload. The chunk at hand is written to
 * images of its slabs in device memory, copied to the host slabs on a stream of its own while the next layer
 * computes, and attended from there; earlier slabs are streamed in ahead of the kernel that reads them.
 *
 * <pre>
 * backend's stream   write images | attend group 1 | attend group 2 | ... | attend images
 * to the host                     | copy new rows ...
 * to the device        group 1    | group 2 | group 3 | ...
 * </pre>
 *
 * <p>What the images do not hold of the tokens asked for, because other hands wrote it, comes from the host
 * slabs too. The images are trusted until {@link #await}, which must be called before anything but this
 * writes or frees rows of the store.
 *
 * <p>Takes device memory for two chunks, each rounded up to slabs, and for {@value #GROUPS} groups of
 * {@value #GROUP} slabs of K and V: 136 MiB with 8 KV heads of 128 numbers in bf16 and chunks of 4,096 rows.
 * Made when first needed; it then stays, since prefill is never part of a recorded step. One driving thread.
 */
final class KvOffload implements AutoCloseable {
  /** Chunks whose copies to the host may be under way: that of a layer while the next computes. */
  private static final int CHUNKS = 2;

  /** Groups of slabs that are read, there, or on their way. */
  private static final int GROUPS = 3;

  /** Slabs of a group: so many that a launch's first and last steps cost little beside its work. */
  private static final int GROUP = 8;

  /** Slabs of the first group, for which the kernel has to wait; the next ones double. */
  private static final int FIRST_GROUP = 2;

  private static final int BLOCK = 256;

  /**
   * Slabs of one layer that prefill attention reads together.
   *
   * @param keys device address of the addresses of the K slabs {@code [slabs] u64}
   * @param values device address of the addresses of the V slabs {@code [slabs] u64}
   * @param firstSlab number of the first of them in the sequence
   * @param slabs how many
   */
  record Segment(long keys, long values, int firstSlab, int slabs) {
  }

  /** Takes segments in the order of their tokens; each is read in stream order. */
  @FunctionalInterface
  interface Reader {
    void read(Segment segment, boolean last);
  }

  /** Where the host slabs are, as {@link CudaKvStore#slab} says. */
  @FunctionalInterface
  interface Slabs {
    long address(int layer, int slot, boolean values, int slab);
  }

  /** The arguments that kernels begin with, as {@link CudaKvStore#args} adds them. */
  @FunctionalInterface
  interface Arguments {
    KernelLaunch add(KernelLaunch launch, int layer);
  }

  /** What the images hold: rows {@code from}, the first of a slab, to {@code to - 1}. */
  private record Held(SlabBuffer images, int layer, int slot, int from, int to) {
    boolean reaches(int otherLayer, int otherSlot, int otherTo) {
      return layer == otherLayer && slot == otherSlot && to >= otherTo;
    }

    int firstSlab() {
      return from >> SLAB_SHIFT;
    }
  }

  private final Kernels kernels;
  private final KvShape shape;
  private final Slabs slabs;
  private final Arguments arguments;
  private final CudaFunction write;
  private final CudaStream compute;
  private final CudaStream toHost;
  private final CudaStream toDevice;
  private final CudaEvent asked;
  private final SlabBuffer[] chunks = new SlabBuffer[CHUNKS];
  private final SlabBuffer[] groups = new SlabBuffer[GROUPS];
  private int chunk;
  private int group;
  private @Nullable Held held;

  /** For the host slabs of {@code store}. */
  KvOffload(Kernels kernels, CudaKvStore store) {
    this(kernels, store.shape(), store::slab, store::args);
  }

  /** For host slabs of {@code shape} wherever they are; what is open if this fails the context closes. */
  KvOffload(Kernels kernels, KvShape shape, Slabs slabs, Arguments arguments) {
    this.kernels = kernels;
    this.shape = shape;
    this.slabs = slabs;
    this.arguments = arguments;
    this.write = kernels.function("kv_offload_" + shape.dtype());
    this.compute = kernels.stream();
    this.toHost = CudaStream.open(kernels.context());
    this.toDevice = CudaStream.open(kernels.context());
    this.asked = CudaEvent.open(kernels.context());
    Arrays.setAll(chunks, i -> new SlabBuffer(kernels, shape));
    Arrays.setAll(groups, i -> new SlabBuffer(kernels, shape));
  }

  /** Most bytes of device memory that this takes for chunks of up to {@code chunkRows} rows. */
  static long bytes(KvShape shape, int chunkRows) {
    return CHUNKS * SlabBuffer.bytes(shape, slabsOfChunk(chunkRows))
        + GROUPS * SlabBuffer.bytes(shape, GROUP);
  }

  /** Slabs that a chunk touches wherever it begins. */
  private static int slabsOfChunk(int rows) {
    return (int) TokenSlabs.slabs(Math.addExact(rows, SLAB_TOKENS - 1));
  }

  /** Bytes of device memory held now. */
  long bytes() {
    return Stream.of(chunks, groups).flatMap(Arrays::stream).mapToLong(SlabBuffer::bytes).sum();
  }

  /**
   * Writes a chunk's rows to the images and the resident copy, as {@code KvAppend.appendChunk} says, and
   * starts their copy to the host.
   */
  void append(int layer, int slot, int start, Buffer k, Buffer v) {
    int rows = k.shape().extent(0);
    k.require("keys", DType.F32, rows, shape.kvHeads(), shape.headDim());
    v.require("values", DType.F32, rows, shape.kvHeads(), shape.headDim());
    requireNotRecording();
    held = null;
    if (rows == 0) {
      return;
    }
    chunk = (chunk + 1) % CHUNKS;
    SlabBuffer images = chunks[chunk];
    images.reserve(slabsOfChunk(rows));
    compute.waitFor(images.emptied());
    int before = start & (SLAB_TOKENS - 1);
    Held next = new Held(images, layer, slot, start - before, start + rows);
    if (before > 0) {
      waitForHost(compute, null);
      copyRows(next, start - before, start,
          (device, host) -> compute.copyToDevice(device, host));
    }
    arguments.add(kernels.launch(), layer).arg(slot).arg(start).arg(k).arg(v)
        .arg(images.address(false, 0)).arg(images.address(true, 0))
        .arg(shape.kvHeads()).arg(shape.headDim()).grid(rows, 2).block(BLOCK).run(write);
    images.filled().record(compute);
    toHost.waitFor(images.filled());
    copyRows(next, start, start + rows, (device, host) -> toHost.copyToHost(host, device));
    images.emptied().record(toHost);
    held = next;
  }

  private void requireNotRecording() {
    kernels.context().requireNotRecording("move K and V between device and host");
  }

  private interface Copy {
    void run(long device, MemorySegment host);
  }

  /** Copies rows between images and host slabs: a whole slab at once, else as far as rows are neighbours. */
  private void copyRows(Held chunkRows, int from, int to, Copy copy) {
    long rowBytes = (long) shape.headDim() * shape.dtype().bytes();
    for (int slab = from >> SLAB_SHIFT; slab < TokenSlabs.slabs(to); slab++) {
      int first = Math.max(from - (slab << SLAB_SHIFT), 0);
      int count = Math.min(to - (slab << SLAB_SHIFT), SLAB_TOKENS) - first;
      boolean whole = count == SLAB_TOKENS;
      long bytes = whole ? SlabBuffer.slabBytes(shape) : count * rowBytes;
      for (int which = 0; which < 2; which++) {
        boolean values = which == 1;
        long device = chunkRows.images.address(values, slab - chunkRows.firstSlab());
        long host = slabs.address(chunkRows.layer, chunkRows.slot, values, slab);
        for (int head = 0; head < (whole ? 1 : shape.kvHeads()); head++) {
          long offset = ((long) head * SLAB_TOKENS + first) * rowBytes;
          copy.run(device + offset, hostMemory(host + offset, bytes));
        }
      }
    }
  }

  private static MemorySegment hostMemory(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  /** Later work of {@code stream} waits for the copies to the host, but not for those of {@code except}. */
  private void waitForHost(CudaStream stream, @Nullable SlabBuffer except) {
    for (SlabBuffer each : chunks) {
      if (each != except) {
        stream.waitFor(each.emptied());
      }
    }
  }

  /**
   * Shows {@code reader} tokens {@code from} to {@code to - 1}: whole slabs, so more at both ends. Quick for
   * the layer last appended, whose chunk need not come from the host.
   */
  void read(int layer, int slot, int from, int to, Reader reader) {
    requireNotRecording();
    Held images = held != null && held.reaches(layer, slot, to) ? held : null;
    int end = (int) TokenSlabs.slabs(to);
    int slab = from >> SLAB_SHIFT;
    int streamed = images == null ? end : Math.min(Math.max(images.firstSlab(), slab), end);
    if (slab < streamed) {
      openGroups(Math.min(streamed - slab, GROUP));
      asked.record(compute); // rows that kernels wrote, and the memory of the groups
      toDevice.waitFor(asked);
      waitForHost(toDevice, images == null ? null : images.images);
    }
    for (int count = FIRST_GROUP; slab < streamed; count = Math.min(2 * count, GROUP)) {
      int slabsNow = Math.min(count, streamed - slab);
      readGroup(layer, slot, slab, slabsNow, slab + slabsNow == end, reader);
      slab += slabsNow;
    }
    if (slab < end && images != null) {
      reader.read(images.images.segment(slab - images.firstSlab(), slab, end - slab), true);
    }
  }

  /** Powers of two, so that a growing context does not make new memory again and again. */
  private void openGroups(int count) {
    for (SlabBuffer each : groups) {
      each.reserve(Integer.highestOneBit(2 * count - 1));
    }
  }

  private void readGroup(int layer, int slot, int slab, int count, boolean last, Reader reader) {
    group = (group + 1) % GROUPS;
    SlabBuffer room = groups[group];
    toDevice.waitFor(room.emptied());
    for (int i = 0; i < count; i++) {
      for (int which = 0; which < 2; which++) {
        boolean values = which == 1;
        toDevice.copyToDevice(room.address(values, i),
            hostMemory(slabs.address(layer, slot, values, slab + i), SlabBuffer.slabBytes(shape)));
      }
    }
    room.filled().record(toDevice);
    compute.waitFor(room.filled());
    reader.read(room.segment(0, slab, count), last);
    room.emptied().record(compute);
  }

  /**
   * Later work of the backend's stream waits for the copies to the host, and may then write rows of the
   * store itself. Not inside a recorded step.
   */
  void await() {
    requireNotRecording();
    held = null;
    waitForHost(compute, null);
  }

  /** Waits for the GPU, then frees everything. */
  @Override
  public void close() {
    held = null;
    Failures failures = new Failures();
    Stream.of(chunks, groups).flatMap(Arrays::stream)
        .forEach(each -> failures.attempt(each::close));
    failures.attempt(asked::close);
    failures.attempt(toDevice::close);
    failures.attempt(toHost::close);
    failures.throwFirst();
  }
}
