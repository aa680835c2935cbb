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
 * The way of K and V between device and host during prefill with offload. A layer is attended from device
 * memory that has all its rows; while it is, the next layer's rows come in and its own new rows go out.
 *
 * <pre>
 * backend's stream   append 5 | encode 5 | attend 5 | matmuls | append 6 | ...
 * to the host                   new rows of 5 ...
 * to the device                 old rows of 6 ...               old rows of 7 ...
 * </pre>
 *
 * <p>Two {@link LayerRows} take turns. What orders the three streams, each wait being for what was given so
 * far: new rows go out when {@link #append} has written them ({@code given}); rows come in when all that the
 * backend's stream was given before is done, so nothing reads the layer that was there or writes host rows
 * ({@code given}), and when earlier new rows are out ({@code saved}), also those that are now to come in;
 * kernels use rows when they have come in ({@code filled}); rows are appended when those that were appended
 * there before are out ({@code saved}), and so is whatever follows {@link #setLength}. After the last layer
 * comes the first, with this chunk's rows, for the next chunk.
 *
 * <p>Rows in device memory are good for as long as the sequence is not cut below them: a position is written
 * again only after {@link #setLength} made the sequence shorter. Made when first needed; it then stays, since
 * prefill is never part of a recorded step. One driving thread.
 */
final class KvOffload implements AutoCloseable {
  /** Layers in device memory: the one at hand and the next. */
  private static final int LAYERS = 2;

  private static final int BLOCK = 128;

  /**
   * Slabs of one layer of a sequence.
   *
   * @param keys device address of the addresses of the slabs' first K rows {@code [slabs] u64}
   * @param values device address of the addresses of the slabs' first V rows {@code [slabs] u64}
   * @param firstSlab number of the first of them in the sequence
   */
  record Segment(long keys, long values, int firstSlab) {
  }

  /** Address of a host slab {@code [kvHeads][SLAB_TOKENS][2][headDim]}: each K row, then its V row. */
  @FunctionalInterface
  interface Slabs {
    long address(int layer, int slot, int slab);
  }

  /** The arguments that kernels begin with, as {@link CudaKvStore#args} adds them. */
  @FunctionalInterface
  interface Arguments {
    KernelLaunch add(KernelLaunch launch, int layer);
  }

  private final Kernels kernels;
  private final KvShape shape;
  private final Slabs slabs;
  private final Arguments arguments;
  private final CudaFunction write;
  private final CudaStream compute;
  private final CudaStream toHost;
  private final CudaStream toDevice;
  private final CudaEvent given;
  private final LayerRows[] layers = new LayerRows[LAYERS];
  /** The layer at hand; the other may be replaced. */
  private LayerRows current;

  /** For the host slabs of {@code store}. */
  KvOffload(Kernels kernels, CudaKvStore store) {
    this(kernels, store.shape(), (layer, slot, slab) -> store.slab(layer, slot, false, slab),
        store::args);
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
    this.given = CudaEvent.open(kernels.context());
    Arrays.setAll(layers, i -> new LayerRows(kernels, shape));
    this.current = layers[0];
  }

  /** Most bytes of device memory that this takes for sequences of up to {@code tokens} tokens. */
  static long bytes(KvShape shape, int tokens, int chunkRows) {
    long most = 0;
    for (int layer = 0; layer < shape.layers(); layer++) {
      most = Math.max(most, slabs(shape.window(layer), tokens, chunkRows));
    }
    return LAYERS * LayerRows.bytes(shape, most);
  }

  /** A chunk and the rows before it that are in its first row's window, wherever they begin. */
  private static long slabs(int window, int tokens, int chunkRows) {
    long all = TokenSlabs.slabs(tokens);
    return window == 0
        ? all
        : Math.min(all, Math.ceilDiv((long) window + chunkRows + SLAB_TOKENS - 2, SLAB_TOKENS));
  }

  /** Bytes of device memory held now. */
  long bytes() {
    return Stream.of(layers).mapToLong(LayerRows::bytes).sum();
  }

  /**
   * Writes a chunk's rows as {@code KvAppend.appendChunk} says, to device memory and the resident copy, and
   * starts their copy to the host.
   */
  void append(int layer, int slot, int start, Buffer k, Buffer v) {
    int rows = k.shape().extent(0);
    k.require("keys", DType.F32, rows, shape.kvHeads(), shape.headDim());
    v.require("values", DType.F32, rows, shape.kvHeads(), shape.headDim());
    requireNotRecording();
    if (rows == 0) {
      return;
    }
    int end = start + rows;
    LayerRows to = take(layer, slot, shape.firstAttended(layer, start), end);
    compute.waitFor(to.filled());
    compute.waitFor(to.saved());
    Segment segment = to.segment();
    arguments.add(kernels.launch(), layer).arg(slot).arg(start).arg(k).arg(v).arg(segment.keys())
        .arg(segment.values()).arg(segment.firstSlab()).arg(shape.kvHeads()).arg(shape.headDim())
        .grid(rows, 2).block(BLOCK).run(write);
    given.record(compute);
    toHost.waitFor(given);
    save(to, layer, slot, start, end);
    to.saved().record(toHost);
    if (to.to() >= start) {
      to.has(end);
    }
    current = to;
  }

  private void requireNotRecording() {
    kernels.context().requireNotRecording("move K and V between device and host");
  }

  /** The memory that has rows of that layer from {@code from} on, maybe none yet, with room up to {@code end}. */
  private LayerRows take(int layer, int slot, int from, int end) {
    LayerRows other = current == layers[0] ? layers[1] : layers[0];
    LayerRows taken = current.isOf(layer, slot, from) ? current : other;
    if (!taken.isOf(layer, slot, from)) {
      taken.assign(layer, slot, from);
    }
    taken.reserve(end);
    return taken;
  }

  /** Starts the copy of rows to the host slabs: whole slabs at once, else as far as rows are neighbours. */
  private void save(LayerRows source, int layer, int slot, int from, int to) {
    long rowBytes = 2L * shape.headDim() * shape.dtype().bytes(); // of K and V
    for (int slab = from >> SLAB_SHIFT; slab < TokenSlabs.slabs(to); slab++) {
      int first = Math.max(from - (slab << SLAB_SHIFT), 0);
      int count = Math.min(to - (slab << SLAB_SHIFT), SLAB_TOKENS) - first;
      long device = source.address(slab);
      long host = slabs.address(layer, slot, slab);
      if (count == SLAB_TOKENS) {
        toHost.copyToHost(hostMemory(host, 2 * LayerRows.slabBytes(shape)), device);
        continue;
      }
      for (int head = 0; head < shape.kvHeads(); head++) {
        long offset = ((long) head * SLAB_TOKENS + first) * rowBytes;
        toHost.copyToHost(hostMemory(host + offset, count * rowBytes), device + offset);
      }
    }
  }

  private static MemorySegment hostMemory(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  /**
   * The rows that a chunk of one layer attends, its own included; later work of the backend's stream finds them
   * there. Those of the next layer are sent for.
   *
   * @param start position of the chunk's first row
   * @param end behind its last one
   */
  Segment read(int layer, int slot, int start, int end) {
    requireNotRecording();
    LayerRows rows = fetch(layer, slot, shape.firstAttended(layer, start), end, end);
    current = rows;
    compute.waitFor(rows.filled());
    if (layer + 1 < shape.layers()) {
      fetch(layer + 1, slot, shape.firstAttended(layer + 1, start), start, end);
    } else {
      fetch(0, slot, shape.firstAttended(0, end), end, end);
    }
    return rows.segment();
  }

  /** Starts the copy of what is missing of rows {@code from} to {@code to - 1}; makes room up to {@code end}. */
  private LayerRows fetch(int layer, int slot, int from, int to, int end) {
    LayerRows target = take(layer, slot, from, end);
    if (target.to() >= to) {
      return target;
    }
    given.record(compute);
    toDevice.waitFor(given);
    waitForHost(toDevice);
    for (int slab = target.to() >> SLAB_SHIFT; slab < TokenSlabs.slabs(to); slab++) {
      toDevice.copyToDevice(target.address(slab),
          hostMemory(slabs.address(layer, slot, slab), 2 * LayerRows.slabBytes(shape)));
    }
    target.filled().record(toDevice);
    target.has(to);
    return target;
  }

  /** Later work of {@code stream} waits for the copies to the host. */
  private void waitForHost(CudaStream stream) {
    for (LayerRows each : layers) {
      stream.waitFor(each.saved());
    }
  }

  /**
   * Rows of a layer that attends everything, if they are in device memory anyway, for later work of the
   * backend's stream; else null, and they are in the host slabs.
   */
  @Nullable
  Segment held(int layer, int slot, int to) {
    for (LayerRows each : layers) {
      if (each.isOf(layer, slot, 0) && each.to() >= to) {
        compute.waitFor(each.filled());
        return each.segment();
      }
    }
    return null;
  }

  /**
   * Later work of the backend's stream finds all rows in the host slabs, and may write rows from position
   * {@code length} on. Not inside a recorded step.
   */
  void setLength(int slot, int length) {
    await();
    for (LayerRows each : layers) {
      each.cut(slot, length);
    }
  }

  /** Later work of the backend's stream finds all rows in the host slabs. Not inside a recorded step. */
  void await() {
    requireNotRecording();
    waitForHost(compute);
  }

  /** Waits for the GPU, then frees everything. */
  @Override
  public void close() {
    Failures failures = new Failures();
    Stream.of(layers).forEach(each -> failures.attempt(each::close));
    failures.attempt(given::close);
    failures.attempt(toDevice::close);
    failures.attempt(toHost::close);
    failures.throwFirst();
  }
}
