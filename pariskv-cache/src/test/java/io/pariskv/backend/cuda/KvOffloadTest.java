package io.pariskv.backend.cuda;

import static io.pariskv.memory.TokenSlabs.SLAB_TOKENS;
import static io.pariskv.testing.Refusal.assertRefused;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.cuda.FakeDriver.Arguments;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Rows on their way to the host and back, on the fake GPU: its streams work as late as they may, or each as
 * early as it may, so that a wait that is missing shows as rows of something else.
 */
@Seeded
class KvOffloadTest {
  private static final int SLOTS = 2;
  private static final int MAX_SLABS = 32;
  private static final int WINDOW = 1500;
  private static final KvShape SHAPE = new KvShape(3, 2, 2, 2, DType.F32, List.of(0, WINDOW, 0));
  private static final long SLAB_BYTES = LayerRows.slabBytes(SHAPE);
  private static final long ROW_BYTES = 4L * SHAPE.headDim();

  /** A sequence in one layer. */
  private record Place(int layer, int slot) {
  }

  /** What a kernel must see when it runs: the numbers of rows, each its own. */
  private record Expected(Place place, int firstSlab, List<Integer> numbers) {
  }

  private final FakeCuda fake = new FakeCuda();
  private final CudaContext context = fake.context();
  private final CudaStream stream = CudaStream.open(context);
  private final DeviceAllocator memory = new DeviceAllocator(stream);
  private final long host = context.driver()
      .cuMemHostAlloc((long) SHAPE.layers() * SLOTS * 2 * MAX_SLABS * SLAB_BYTES, 0);
  private final Kernels kernels;
  private final KvOffload offload;
  private final CudaFunction read;
  private final CudaFunction overwrite;
  private final Map<Place, List<Integer>> written = new HashMap<>();
  private final Queue<Expected> expected = new ArrayDeque<>();
  private final List<String> wrong = new ArrayList<>();
  private int number;

  KvOffloadTest() {
    fake.device().kernel("kv_offload_f32", new int[]{8, 8, 8, 4, 4, 4, 4, 8, 8, 8, 8, 4, 4, 4},
        KvOffloadTest::write);
    fake.device().kernel("read", new int[]{8, 8}, this::look);
    fake.device().kernel("overwrite", new int[]{8, 4}, KvOffloadTest::overwrite);
    kernels = new Kernels(CudaModule.load(context, new KernelImage(new byte[8], 13_000)), stream,
        StagingRing.open(stream));
    offload = new KvOffload(kernels, SHAPE, this::slab,
        (launch, layer) -> launch.arg(0L).arg(0L).arg(0L).arg(layer).arg(SHAPE.layers()));
    read = kernels.function("read");
    overwrite = kernels.function("overwrite");
  }

  @AfterEach
  void nothingLeaks() {
    context.close();
    fake.device().cuMemFreeHost(host);
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private long slab(int layer, int slot, int slab) {
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
  private void append(Place place, int count) {
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

  private Buffer buffer(float[] values) {
    int rows = values.length / SHAPE.kvHeads() / SHAPE.headDim();
    Buffer buffer = memory.allocate(DType.F32, rows, SHAPE.kvHeads(), SHAPE.headDim());
    kernels.ring().upload(MemorySegment.ofArray(values), buffer.address());
    return buffer;
  }

  /** Attends the last rows by a kernel, which must see all that they attend. */
  private void read(Place place, int count) {
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
  private void readHost(Place place) {
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
  private void work(boolean copiesFirst) {
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
  private void assertOnHost() {
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

  private int length(int slot) {
    return rows(new Place(0, slot)).size();
  }

  /** A sequence gets shorter. */
  private void cut(int slot, int length) {
    for (int layer = 0; layer < SHAPE.layers(); layer++) {
      List<Integer> rows = rows(new Place(layer, slot));
      rows.subList(length, rows.size()).clear();
    }
    offload.setLength(slot, length);
  }

  /** A chunk in all layers, as a cache feeds it. */
  private void chunk(int slot, int count, boolean attended) {
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
  private void step(int slot) {
    int position = length(slot);
    for (int layer = 0; layer < SHAPE.layers(); layer++) {
      rows(new Place(layer, slot)).add(++number);
      long row = slab(layer, slot, position / SLAB_TOKENS) + 4 * at(0, position, 0);
      kernels.launch().arg(row).arg(number).run(overwrite);
    }
    offload.setLength(slot, position + 1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void anyPasses_attendAllRows_andTheHostGetsThem(boolean copiesFirst) {
    RandomGenerator random = Seeds.random("passes");
    int[] sizes = {1, 700, 1023, 1024, 1025, 2048, 2500};
    for (int pass = 0; pass < 40; pass++) {
      int slot = random.nextInt(SLOTS);
      int length = length(slot);
      switch (length > 20_000 ? 4 : random.nextInt(6)) {
        case 3 -> step(slot);
        case 4 -> cut(slot, random.nextInt(length + 1));
        case 5 -> { // a chunk that is given up between its layers
          offload.setLength(slot, length + 900);
          for (int layer = 0; layer < 1 + random.nextInt(SHAPE.layers()); layer++) {
            append(new Place(layer, slot), 900);
            read(new Place(layer, slot), 900);
          }
          cut(slot, length);
        }
        default -> chunk(slot, sizes[random.nextInt(sizes.length)], random.nextInt(4) > 0);
      }
      if (random.nextInt(3) == 0) {
        work(copiesFirst);
      }
    }
    work(copiesFirst);
    assertOnHost();
  }

  /** As for two prompts that are fed in turns. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void layersOfOtherSequencesBetween_areNoHarm(boolean copiesFirst) {
    chunk(0, 3000, true);
    chunk(1, 10, true);
    for (int layer = 0; layer < SHAPE.layers(); layer++) {
      append(new Place(layer, 0), 1200);
      append(new Place(layer, 1), 2100);
      read(new Place(layer, 0), 1200);
      read(new Place(layer, 1), 2100);
    }
    work(copiesFirst);
    offload.await();
    work(copiesFirst);
    assertOnHost();
  }

  private long copies(String function, long bytes) {
    return fake.calls().stream().filter(call -> call.function().equals(function)
        && call.arguments().get(2).equals(bytes)).count();
  }

  @Test
  void rowsOfTheNextLayer_areSentFor_beforeTheyAreAttended_andOnce() {
    for (int end : new int[]{4096, 8192}) {
      int start = end - 4096;
      List<Long> copied = new ArrayList<>();
      for (int layer = 0; layer < SHAPE.layers(); layer++) {
        fake.forget();
        append(new Place(layer, 0), 4096);
        assertEquals(0, copies("cuMemcpyHtoDAsync_v2", 2 * SLAB_BYTES));
        read(new Place(layer, 0), 4096);
        copied.add(copies("cuMemcpyHtoDAsync_v2", 2 * SLAB_BYTES));
      }
      // of the second layer what is in the window, of the third all, of the first the new rows too
      assertEquals(List.of(start == 0 ? 0L : 2L, start / 1024L, end / 1024L), copied);
      offload.setLength(0, end);
    }
    work(false);
  }

  @Test
  void rowsThatAreOnlyAppended_areNotFetched() {
    chunk(0, 3000, false);
    chunk(0, 3000, false);
    assertEquals(0, copies("cuMemcpyHtoDAsync_v2", 2 * SLAB_BYTES));
    work(true);
    assertOnHost();
  }

  @Test
  void aChunk_isCopiedWholeSlabsAtOnce_andNoRowTwice() {
    append(new Place(0, 0), 100);
    fake.forget();
    append(new Place(0, 0), 2000);

    List<Object> sizes = fake.calls().stream()
        .filter(call -> call.function().equals("cuMemcpyDtoHAsync_v2"))
        .map(call -> call.arguments().get(2)).toList();
    long first = 924 * 2 * 8L; // of a head: a token's K and V are neighbours
    long last = 52 * 2 * 8L;
    assertEquals(List.of(first, first, 2 * SLAB_BYTES, last, last), sizes);
    work(false);
  }

  @Test
  void rowsAreHeld_untilTheSequenceIsCutBelowThem_orAnotherLayerIsThere() {
    append(new Place(0, 0), 1500);
    assertEquals(offload.read(0, 0, 0, 1500), offload.held(0, 0, 1500));
    assertNull(offload.held(0, 0, 1501));
    assertNull(offload.held(0, 1, 1));
    offload.setLength(1, 0);
    offload.setLength(0, 1501); // longer
    assertNotNull(offload.held(0, 0, 1500));
    offload.setLength(0, 1499);
    assertNull(offload.held(0, 0, 1500));
    assertNotNull(offload.held(0, 0, 1499));
    append(new Place(1, 0), 1);
    append(new Place(2, 0), 1);
    append(new Place(1, 1), 1);
    assertNull(offload.held(0, 0, 1));
  }

  @Test
  void memory_isMadeOnce_asPlanned_andFreed() {
    for (int i = 0; i < 3; i++) {
      chunk(1, 4000, true);
    }
    assertEquals(KvOffload.bytes(SHAPE, 12_000, 4000), offload.bytes());
    fake.forget();
    chunk(1, 200, true);
    chunk(0, 8000, true);
    offload.await();
    assertEquals(0, fake.count("cuMemAlloc_v2") + fake.count("cuCtxSynchronize")
        + fake.count("cuStreamSynchronize"));

    offload.close();
    assertEquals(List.of("CUDA stream", "device allocator"), context.openResources().stream()
        .map(Object::toString).filter(name -> name.matches(".*(stream|allocator)")).toList());
  }

  /** Where all layers have sliding windows there is memory for them and a chunk, however long the sequence. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void memory_ofSlidingWindows_isThatOfTheLongest(int layers) {
    KvShape shape = new KvShape(layers, 2, 2, 2, DType.F32, List.of(700, WINDOW, 20).subList(0,
        layers));
    int rows = 1300;
    long planned = KvOffload.bytes(shape, 26_000, rows);
    assertEquals(2 * LayerRows.bytes(shape, layers == 1 ? 3 : 4), planned);
    Buffer zeros = buffer(new float[rows * 4]);
    KvOffload windows = new KvOffload(kernels, shape, this::slab,
        (launch, layer) -> launch.arg(0L).arg(0L).arg(0L).arg(layer).arg(layers));
    for (int start = 0; start < 26_000; start += rows) {
      for (int layer = 0; layer < layers; layer++) {
        windows.append(layer, 0, start, zeros, zeros);
        windows.read(layer, 0, start, start + rows);
      }
      windows.setLength(0, start + rows);
      assertTrue(windows.bytes() <= planned, windows.bytes() + " of " + planned);
    }
    work(false);
  }

  @Test
  void whatCannotBe_isRefused() {
    Buffer rows = memory.allocate(DType.F32, 4, 2, 2);
    Buffer others = memory.allocate(DType.F32, 5, 2, 2);
    assertRefused(IllegalArgumentException.class, () -> offload.append(0, 0, 0, rows, others),
        "[4][2][2] f32", "[5][2][2] f32");
    assertRefused(IllegalStateException.class,
        () -> context.recording(false, () -> offload.append(0, 0, 0, rows, rows)),
        "recorded step");
    fake.device().freeBytes = 1000;
    assertEquals(0, offload.bytes());
    assertThrows(OutOfMemoryError.class, () -> offload.append(0, 0, 0, rows, rows));
    assertEquals(0, offload.bytes());
    fake.device().freeBytes = 1L << 32;
    append(new Place(0, 0), 4);
    read(new Place(0, 0), 4);
    work(true);
  }
}
