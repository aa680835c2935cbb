package io.pariskv.backend.cuda;

import static io.pariskv.memory.TokenSlabs.SLAB_TOKENS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import io.pariskv.backend.cuda.FakeDriver.Arguments;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;

/**
 * Rows that a {@link KvOffload} brings to the host and back on the fake GPU, each with a number of its own, and kernels that
 * require what they read to be the rows that they must see. For two sequences.
 */
final class OffloadedRows implements AutoCloseable {
  static final int SLOTS = 2;
  private static final int MAX_SLABS = 32;
  static final int WINDOW = 1500;
  static final KvShape SHAPE = new KvShape(3, 2, 2, 2, DType.F32, List.of(0, WINDOW, 0));
  static final long SLAB_BYTES = LayerRows.slabBytes(SHAPE);
  private static final long ROW_BYTES = 4L * SHAPE.headDim();

  /** A sequence in one layer. */
  record Place(int layer, int slot) {
  }

  /** What a kernel must see when it runs: the numbers of rows, each its own. */
  private record Expected(Place place, int firstSlab, List<Integer> numbers) {
  }

  final FakeCuda fake = new FakeCuda();
  final CudaContext context = fake.context();
  private final CudaStream stream = CudaStream.open(context);
  final DeviceAllocator memory = new DeviceAllocator(stream);
  private final long host = context.driver()
      .cuMemHostAlloc((long) SHAPE.layers() * SLOTS * 2 * MAX_SLABS * SLAB_BYTES, 0);
  final Kernels kernels;
  final KvOffload offload;
  private final CudaFunction read;
  private final CudaFunction overwrite;
  private final Map<Place, List<Integer>> written = new HashMap<>();
  private final Queue<Expected> expected = new ArrayDeque<>();
  private final List<String> wrong = new ArrayList<>();
  private int number;

  OffloadedRows() {
    fake.device().kernel("kv_offload_f32", new int[]{8, 8, 8, 4, 4, 4, 4, 8, 8, 8, 8, 4, 4, 4},
        OffloadedRows::write);
    fake.device().kernel("read", new int[]{8, 8}, this::look);
    fake.device().kernel("overwrite", new int[]{8, 4}, OffloadedRows::overwrite);
    kernels = new Kernels(CudaModule.load(context, new KernelImage(new byte[8], 13_000)), stream,
        StagingRing.open(stream));
    offload = new KvOffload(kernels, SHAPE, this::slab,
        (launch, layer) -> launch.arg(0L).arg(0L).arg(0L).arg(layer).arg(SHAPE.layers()));
    read = kernels.function("read");
    overwrite = kernels.function("overwrite");
  }

  /** Requires that nothing leaks. */
  @Override
  public void close() {
    context.close();
    Recordings.apart(() -> fake.device().cuMemFreeHost(host));
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  long slab(int layer, int slot, int slab) {
    assertTrue(slab >= 0 && slab < MAX_SLABS, () -> "slab " + slab);
    return host + ((long) (layer * SLOTS + slot) * MAX_SLABS + slab) * 2 * SLAB_BYTES;
  }

  /** Place of a number of K in a slab {@code [kvHeads][SLAB_TOKENS][2][headDim]}; one of V is a row further. */
  private static long at(int head, int position, int i) {
    return ((long) head * SLAB_TOKENS + position % SLAB_TOKENS) * 2 * SHAPE.headDim() + i;
  }

  /** What {@code kv_offload.cu} does, less the resident copy. */
  private static void write(Arguments kernel) {
    int rows = kernel.grid().getFirst();
    int start = kernel.integer(6);
    int width = SHAPE.kvHeads() * SHAPE.headDim();
    for (int which = 0; which < 2; which++) {
      MemorySegment source = kernel.memory(7 + which, 4L * rows * width);
      for (int i = 0; i < rows * width; i++) {
        int position = start + i / width;
        slab(kernel, 9 + which, position / SLAB_TOKENS - kernel.integer(11)).setAtIndex(JAVA_FLOAT,
            at(i % width / SHAPE.headDim(), position, i % SHAPE.headDim()),
            source.getAtIndex(JAVA_FLOAT, i));
      }
    }
  }

  /** A slab by a table that is an argument. */
  private static MemorySegment slab(Arguments kernel, int table, int i) {
    return kernel.device().memory(
        kernel.memory(table, 8L * (i + 1)).getAtIndex(JAVA_LONG, i), 2 * SLAB_BYTES - ROW_BYTES);
  }

  /** A kernel that writes a row of keys and of values to the host slabs itself. */
  private static void overwrite(Arguments kernel) {
    for (int which = 0; which < 2; which++) {
      for (int i = 0; i < SHAPE.kvHeads() * SHAPE.headDim(); i++) {
        long offset = which * ROW_BYTES + 4 * at(i / SHAPE.headDim(), 0, i % SHAPE.headDim());
        kernel.device().memory(kernel.pointer(0) + offset, 4)
            .set(JAVA_FLOAT, 0, value(kernel.integer(1), which, i));
      }
    }
  }

  /** A kernel that reads a segment: all rows must be those that the sequence had when it was launched. */
  private void look(Arguments kernel) {
    Expected segment = expected.remove();
    for (int which = 0; which < 2; which++) {
      for (int i = segment.firstSlab; i < TokenSlabs.slabs(segment.numbers.size()); i++) {
        compare(segment.place, segment.numbers, i, which,
            slab(kernel, which, i - segment.firstSlab));
      }
    }
  }

  private void compare(Place place, List<Integer> numbers, int slabNumber, int which,
      MemorySegment slab) {
    int from = slabNumber * SLAB_TOKENS;
    for (int t = from; t < Math.min(numbers.size(), from + SLAB_TOKENS); t++) {
      for (int i = 0; i < SHAPE.kvHeads() * SHAPE.headDim(); i++) {
        float found = slab.getAtIndex(JAVA_FLOAT, at(i / SHAPE.headDim(), t, i % SHAPE.headDim()));
        if (found != value(numbers.get(t), which, i)) {
          wrong.add(place + ", position " + t + ", element " + i + " of " + which);
          return;
        }
      }
    }
  }

  private static float value(int row, int which, int i) {
    return row + i / 8f + which / 2f;
  }

  private List<Integer> rows(Place place) {
    return written.computeIfAbsent(place, key -> new ArrayList<>());
  }

  /** Appends rows behind those of the sequence. */
  void append(Place place, int count) {
    int width = SHAPE.kvHeads() * SHAPE.headDim();
    float[][] sources = new float[2][count * width];
    int start = rows(place).size();
    for (int r = 0; r < count; r++) {
      rows(place).add(++number);
      for (int i = 0; i < 2 * width; i++) {
        sources[i / width][r * width + i % width] = value(number, i / width, i % width);
      }
    }
    offload.append(place.layer, place.slot, start, buffer(sources[0]), buffer(sources[1]));
  }

  Buffer buffer(float[] values) {
    int rows = values.length / SHAPE.kvHeads() / SHAPE.headDim();
    Buffer buffer = memory.allocate(DType.F32, rows, SHAPE.kvHeads(), SHAPE.headDim());
    kernels.ring().upload(MemorySegment.ofArray(values), buffer.address());
    return buffer;
  }

  /** Attends the last rows by a kernel, which must see all that they attend. */
  void read(Place place, int count) {
    int end = rows(place).size();
    KvOffload.Segment segment = offload.read(place.layer, place.slot, end - count, end);
    assertEquals(SHAPE.firstAttended(place.layer, end - count) / SLAB_TOKENS, segment.firstSlab());
    look(place, segment);
  }

  private void look(Place place, KvOffload.Segment segment) {
    expected.add(new Expected(place, segment.firstSlab(), List.copyOf(rows(place))));
    kernels.launch().arg(segment.keys()).arg(segment.values()).run(read);
  }

  /** Reads the host slabs by a kernel, as decode attention does. */
  void readHost(Place place) {
    int count = (int) TokenSlabs.slabs(rows(place).size());
    long[] addresses = new long[2 * count];
    for (int i = 0; i < count; i++) {
      addresses[i] = slab(place.layer, place.slot, i);
      addresses[count + i] = addresses[i] + ROW_BYTES;
    }
    Buffer table = memory.allocate(DType.I64, 2, count);
    kernels.ring().upload(MemorySegment.ofArray(addresses), table.address());
    look(place, new KvOffload.Segment(table.address(), table.address() + 8L * count, 0));
  }

  /** Lets the GPU work: streams opened last first, which then run ahead of the others, or behind them. */
  void work(boolean copiesFirst) {
    List<CudaResource> open = context.openResources();
    (copiesFirst ? open.reversed() : open).forEach(each -> {
      if (each instanceof CudaStream other) {
        other.synchronize();
      }
    });
    assertEquals(List.of(), wrong);
    assertEquals(0, expected.size());
  }

  /** The host slabs hold every row. */
  void assertOnHost() {
    written.forEach((place, rows) -> {
      for (int slab = 0; slab < TokenSlabs.slabs(rows.size()); slab++) {
        for (int which = 0; which < 2; which++) {
          compare(place, rows, slab, which, fake.device()
              .memory(slab(place.layer, place.slot, slab) + which * ROW_BYTES,
                  2 * SLAB_BYTES - ROW_BYTES));
        }
      }
    });
    assertEquals(List.of(), wrong);
  }

  int length(int slot) {
    return rows(new Place(0, slot)).size();
  }

  /** A sequence gets shorter. */
  void cut(int slot, int length) {
    for (int layer = 0; layer < SHAPE.layers(); layer++) {
      List<Integer> rows = rows(new Place(layer, slot));
      rows.subList(length, rows.size()).clear();
    }
    offload.setLength(slot, length);
  }

  /** A chunk in all layers, as a cache feeds it. */
  void chunk(int slot, int count, boolean attended) {
    offload.setLength(slot, length(slot) + count);
    for (int layer = 0; layer < SHAPE.layers(); layer++) {
      append(new Place(layer, slot), count);
      if (attended) {
        read(new Place(layer, slot), count);
      }
    }
    offload.setLength(slot, length(slot));
    for (int layer = 0; layer < SHAPE.layers(); layer++) {
      readHost(new Place(layer, slot));
    }
    KvOffload.Segment first = offload.held(0, slot, length(slot));
    if (first != null) { // for a chunk to come
      look(new Place(0, slot), first);
    }
  }

  /** A decode step, whose row kernels write to the host slabs themselves. */
  void step(int slot) {
    int position = length(slot);
    for (int layer = 0; layer < SHAPE.layers(); layer++) {
      rows(new Place(layer, slot)).add(++number);
      long row = slab(layer, slot, position / SLAB_TOKENS) + 4 * at(0, position, 0);
      kernels.launch().arg(row).arg(number).run(overwrite);
    }
    offload.setLength(slot, position + 1);
  }

  /** Copies by {@code function} of so many bytes. */
  long copies(String function, long bytes) {
    return fake.calls().stream().filter(call -> call.function().equals(function)
        && call.arguments().get(2).equals(bytes)).count();
  }
}
