package io.pariskv.backend.cuda;

import static io.pariskv.memory.TokenSlabs.SLAB_TOKENS;
import static io.pariskv.testing.Refusal.assertRefused;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
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
  private static final KvShape SHAPE = new KvShape(3, 2, 2, 2, DType.F32);
  private static final long SLAB_BYTES = SlabBuffer.slabBytes(SHAPE);

  /** A sequence in one layer. */
  private record Place(int layer, int slot) {
  }

  /** What a kernel must see when it runs: the numbers of rows, each its own. */
  private record Expected(Place place, int slab, int to, List<Integer> numbers) {
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
    fake.device().kernel("kv_offload_f32", new int[]{8, 8, 8, 4, 4, 4, 4, 8, 8, 8, 8, 4, 4},
        KvOffloadTest::write);
    fake.device().kernel("read", new int[]{8, 8, 4}, this::look);
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

  private long slab(int layer, int slot, boolean values, int slab) {
    assertTrue(slab >= 0 && slab < MAX_SLABS, () -> "slab " + slab);
    return host + (((layer * SLOTS + slot) * 2 + (values ? 1 : 0)) * MAX_SLABS + slab) * SLAB_BYTES;
  }

  /** Place of a number in a slab {@code [kvHeads][SLAB_TOKENS][headDim]}. */
  private static long at(int head, int position, int i) {
    return ((long) head * SLAB_TOKENS + position % SLAB_TOKENS) * SHAPE.headDim() + i;
  }

  /** What {@code kv_offload.cu} does, less the resident copy. */
  private static void write(Arguments kernel) {
    int rows = kernel.grid().getFirst();
    int start = kernel.integer(6);
    int width = SHAPE.kvHeads() * SHAPE.headDim();
    int slabs = (start + rows - 1) / SLAB_TOKENS - start / SLAB_TOKENS + 1;
    for (int which = 0; which < 2; which++) {
      MemorySegment source = kernel.memory(7 + which, 4L * rows * width);
      MemorySegment images = kernel.memory(9 + which, slabs * SLAB_BYTES);
      for (int i = 0; i < rows * width; i++) {
        int position = start + i / width;
        int image = position / SLAB_TOKENS - start / SLAB_TOKENS;
        images.setAtIndex(JAVA_FLOAT, image * SLAB_BYTES / 4
            + at(i % width / SHAPE.headDim(), position, i % SHAPE.headDim()),
            source.getAtIndex(JAVA_FLOAT, i));
      }
    }
  }

  /** A kernel that writes a row of keys and of values to the host slabs itself. */
  private static void overwrite(Arguments kernel) {
    for (int which = 0; which < 2; which++) {
      for (int i = 0; i < SHAPE.kvHeads() * SHAPE.headDim(); i++) {
        long offset = (long) which * MAX_SLABS * SLAB_BYTES
            + 4 * at(i / SHAPE.headDim(), 0, i % SHAPE.headDim());
        kernel.device().memory(kernel.pointer(0) + offset, 4)
            .set(JAVA_FLOAT, 0, value(kernel.integer(1), which, i));
      }
    }
  }

  /** A kernel that reads a segment: all rows must be those that the sequence had when it was launched. */
  private void look(Arguments kernel) {
    Expected segment = expected.remove();
    int slabs = kernel.integer(2);
    for (int which = 0; which < 2; which++) {
      for (int i = 0; i < slabs; i++) {
        MemorySegment slab = kernel.device().memory(
            kernel.memory(which, 8L * slabs).getAtIndex(JAVA_LONG, i), SLAB_BYTES);
        compare(segment, segment.slab + i, which, slab);
      }
    }
  }

  private void compare(Expected segment, int slabNumber, int which, MemorySegment slab) {
    int from = slabNumber * SLAB_TOKENS;
    for (int t = from; t < Math.min(segment.to, from + SLAB_TOKENS); t++) {
      for (int i = 0; i < SHAPE.kvHeads() * SHAPE.headDim(); i++) {
        float found = slab.getAtIndex(JAVA_FLOAT, at(i / SHAPE.headDim(), t, i % SHAPE.headDim()));
        if (found != value(segment.numbers.get(t), which, i)) {
          wrong.add(segment.place + ", position " + t + ", element " + i + " of " + which);
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

  /** Reads by a kernel and checks that the segments are the slabs asked for, in order. */
  private List<KvOffload.Segment> read(Place place, int from, int to) {
    List<KvOffload.Segment> segments = new ArrayList<>();
    offload.read(place.layer, place.slot, from, to, (segment, last) -> {
      assertEquals(segments.isEmpty()
          ? from / SLAB_TOKENS
          : segments.getLast().firstSlab() + segments.getLast().slabs(), segment.firstSlab());
      segments.add(segment);
      assertEquals(segment.firstSlab() + segment.slabs() == TokenSlabs.slabs(to), last);
      expected.add(new Expected(place, segment.firstSlab(), to, List.copyOf(rows(place))));
      kernels.launch().arg(segment.keys()).arg(segment.values()).arg(segment.slabs()).run(read);
    });
    assertEquals(TokenSlabs.slabs(to),
        segments.getLast().firstSlab() + segments.getLast().slabs());
    return segments;
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
          compare(new Expected(place, slab, rows.size(), rows), slab, which, fake.device()
              .memory(slab(place.layer, place.slot, which == 1, slab), SLAB_BYTES));
        }
      }
    });
    assertEquals(List.of(), wrong);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void chunksOfAnySize_areReadWithAllBeforeThem_andReachTheHost(boolean copiesFirst) {
    RandomGenerator random = Seeds.random("chunks");
    int[] sizes = {1, 700, 1023, 1024, 1025, 2048, 2500};
    for (int pass = 0; pass < 12; pass++) {
      int slot = random.nextInt(SLOTS);
      int rows = sizes[random.nextInt(sizes.length)];
      for (int layer = random.nextInt(SHAPE.layers()); layer < SHAPE.layers(); layer++) {
        Place place = new Place(layer, slot);
        append(place, rows);
        int length = rows(place).size();
        read(place, random.nextBoolean() ? 0 : random.nextInt(length), length);
      }
      if (random.nextInt(3) == 0) {
        work(copiesFirst);
      }
    }
    offload.await();
    work(copiesFirst);
    assertOnHost();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void rowsThatTheImagesDoNotHold_comeFromTheHost(boolean copiesFirst) {
    Place place = new Place(1, 0);
    append(place, 3000);
    append(new Place(1, 1), 10); // now the images are another sequence's
    read(place, 0, 3000);
    append(place, 500);
    append(place, 20_000); // more groups than there are buffers
    read(place, 0, 3400); // ends before the last chunk begins
    read(place, 4000, 23_500);
    offload.await(); // others may write now
    assertEquals(List.of(2, 4, 8, 8, 1),
        read(place, 0, 23_500).stream().map(KvOffload.Segment::slabs).toList());
    read(place, 23_499, 23_500);
    work(copiesFirst);
    assertOnHost();
  }

  /** As a decode step writes its row, or a shorter sequence is continued. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void rowsThatOthersWriteAfterwards_areKept_andRead(boolean copiesFirst) {
    Place place = new Place(2, 1);
    append(place, 700);
    append(place, 800); // the first rows of its images come from the host
    read(place, 0, 1500);
    offload.await();
    rows(place).set(1400, ++number);
    long target = slab(2, 1, false, 1) + 4 * at(0, 1400, 0);
    kernels.launch().arg(target).arg(number).run(overwrite);
    read(place, 1100, 1500);
    append(place, 3);
    read(place, 0, 1503);
    work(copiesFirst);
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
    assertEquals(List.of(924 * 8L, 924 * 8L, 924 * 8L, 924 * 8L, SLAB_BYTES, SLAB_BYTES, 52 * 8L,
        52 * 8L, 52 * 8L, 52 * 8L), sizes);
    work(false);
  }

  @Test
  void memory_isMadeOnce_asPlanned_andFreed() {
    Place place = new Place(0, 1);
    for (int i = 0; i < 3; i++) {
      append(place, 4000);
    }
    read(place, 0, 12_000);
    assertEquals(KvOffload.bytes(SHAPE, 4000), offload.bytes());
    fake.forget();
    append(place, 4096);
    read(place, 0, 16_096);
    offload.await();
    assertEquals(0, fake.count("cuMemAlloc_v2") + fake.count("cuCtxSynchronize")
        + fake.count("cuStreamSynchronize"));

    offload.close();
    assertEquals(0, offload.bytes());
    assertEquals(List.of("CUDA stream", "device allocator"), context.openResources().stream()
        .map(Object::toString).filter(name -> name.matches(".*(stream|allocator)")).toList());
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
    read(new Place(0, 0), 0, 4);
    work(true);
  }
}
