package io.pariskv.backend.cuda;

import static io.pariskv.backend.cuda.OffloadedRows.SHAPE;
import static io.pariskv.backend.cuda.OffloadedRows.SLAB_BYTES;
import static io.pariskv.backend.cuda.OffloadedRows.SLOTS;
import static io.pariskv.backend.cuda.OffloadedRows.WINDOW;
import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.cuda.OffloadedRows.Place;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import java.util.ArrayList;
import java.util.List;
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
  private final OffloadedRows rows = new OffloadedRows();

  @AfterEach
  void nothingLeaks() {
    rows.close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void anyPasses_attendAllRows_andTheHostGetsThem(boolean copiesFirst) {
    RandomGenerator random = Seeds.random("passes");
    int[] sizes = {1, 700, 1023, 1024, 1025, 2048, 2500};
    for (int pass = 0; pass < 40; pass++) {
      int slot = random.nextInt(SLOTS);
      int length = rows.length(slot);
      switch (length > 20_000 ? 4 : random.nextInt(6)) {
        case 3 -> rows.step(slot);
        case 4 -> rows.cut(slot, random.nextInt(length + 1));
        case 5 -> { // a chunk that is given up between its layers
          rows.offload.setLength(slot, length + 900);
          for (int layer = 0; layer < 1 + random.nextInt(SHAPE.layers()); layer++) {
            rows.append(new Place(layer, slot), 900);
            rows.read(new Place(layer, slot), 900);
          }
          rows.cut(slot, length);
        }
        default -> rows.chunk(slot, sizes[random.nextInt(sizes.length)], random.nextInt(4) > 0);
      }
      if (random.nextInt(3) == 0) {
        rows.work(copiesFirst);
      }
    }
    rows.work(copiesFirst);
    rows.assertOnHost();
  }

  /** As for two prompts that are fed in turns. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void layersOfOtherSequencesBetween_areNoHarm(boolean copiesFirst) {
    rows.chunk(0, 3000, true);
    rows.chunk(1, 10, true);
    for (int layer = 0; layer < SHAPE.layers(); layer++) {
      rows.append(new Place(layer, 0), 1200);
      rows.append(new Place(layer, 1), 2100);
      rows.read(new Place(layer, 0), 1200);
      rows.read(new Place(layer, 1), 2100);
    }
    rows.work(copiesFirst);
    rows.offload.await();
    rows.work(copiesFirst);
    rows.assertOnHost();
  }

  @Test
  void rowsOfTheNextLayer_areSentFor_beforeTheyAreAttended_andOnce() {
    for (int end : new int[]{4096, 8192}) {
      int start = end - 4096;
      List<Long> copied = new ArrayList<>();
      for (int layer = 0; layer < SHAPE.layers(); layer++) {
        rows.fake.forget();
        rows.append(new Place(layer, 0), 4096);
        assertEquals(0, rows.copies("cuMemcpyHtoDAsync_v2", 2 * SLAB_BYTES));
        rows.read(new Place(layer, 0), 4096);
        copied.add(rows.copies("cuMemcpyHtoDAsync_v2", 2 * SLAB_BYTES));
      }
      // of the second layer what is in the window, of the third all, of the first the new rows too
      assertEquals(List.of(start == 0 ? 0L : 2L, start / 1024L, end / 1024L), copied);
      rows.offload.setLength(0, end);
    }
    rows.work(false);
  }

  @Test
  void rowsThatAreOnlyAppended_areNotFetched() {
    rows.chunk(0, 3000, false);
    rows.chunk(0, 3000, false);
    assertEquals(0, rows.copies("cuMemcpyHtoDAsync_v2", 2 * SLAB_BYTES));
    rows.work(true);
    rows.assertOnHost();
  }

  @Test
  void aChunk_isCopiedWholeSlabsAtOnce_andNoRowTwice() {
    rows.append(new Place(0, 0), 100);
    rows.fake.forget();
    rows.append(new Place(0, 0), 2000);

    List<Object> sizes = rows.fake.calls().stream()
        .filter(call -> call.function().equals("cuMemcpyDtoHAsync_v2"))
        .map(call -> call.arguments().get(2)).toList();
    long first = 924 * 2 * 8L; // of a head: a token's K and V are neighbours
    long last = 52 * 2 * 8L;
    assertEquals(List.of(first, first, 2 * SLAB_BYTES, last, last), sizes);
    rows.work(false);
  }

  @Test
  void rowsAreHeld_untilTheSequenceIsCutBelowThem_orAnotherLayerIsThere() {
    rows.append(new Place(0, 0), 1500);
    assertEquals(rows.offload.read(0, 0, 0, 1500), rows.offload.held(0, 0, 1500));
    assertNull(rows.offload.held(0, 0, 1501));
    assertNull(rows.offload.held(0, 1, 1));
    rows.offload.setLength(1, 0);
    rows.offload.setLength(0, 1501); // longer
    assertNotNull(rows.offload.held(0, 0, 1500));
    rows.offload.setLength(0, 1499);
    assertNull(rows.offload.held(0, 0, 1500));
    assertNotNull(rows.offload.held(0, 0, 1499));
    rows.append(new Place(1, 0), 1);
    rows.append(new Place(2, 0), 1);
    rows.append(new Place(1, 1), 1);
    assertNull(rows.offload.held(0, 0, 1));
  }

  @Test
  void memory_isMadeOnce_asPlanned_andFreed() {
    for (int i = 0; i < 3; i++) {
      rows.chunk(1, 4000, true);
    }
    assertEquals(KvOffload.bytes(SHAPE, 12_000, 4000), rows.offload.bytes());
    rows.fake.forget();
    rows.chunk(1, 200, true);
    rows.chunk(0, 8000, true);
    rows.offload.await();
    assertEquals(0, rows.fake.count("cuMemAlloc_v2")
        + rows.fake.count("cuStreamSynchronize"));

    rows.offload.close();
    assertEquals(List.of("CUDA stream", "device allocator"), rows.context.openResources().stream()
        .map(Object::toString).filter(name -> name.matches(".*(stream|allocator)")).toList());
  }

  /** Where all layers have sliding windows there is memory for them and a chunk, however long the sequence. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void memory_ofSlidingWindows_isThatOfTheLongest(int layers) {
    KvShape shape = new KvShape(layers, 2, 2, 2, DType.F32, List.of(700, WINDOW, 20).subList(0,
        layers));
    int count = 1300;
    long planned = KvOffload.bytes(shape, 26_000, count);
    assertEquals(2 * LayerRows.bytes(shape, layers == 1 ? 3 : 4), planned);
    Buffer zeros = rows.buffer(new float[count * 4]);
    KvOffload windows = new KvOffload(rows.kernels, shape, rows::slab,
        (launch, layer) -> launch.arg(0L).arg(0L).arg(0L).arg(layer).arg(layers));
    for (int start = 0; start < 26_000; start += count) {
      for (int layer = 0; layer < layers; layer++) {
        windows.append(layer, 0, start, zeros, zeros);
        windows.read(layer, 0, start, start + count);
      }
      windows.setLength(0, start + count);
      assertTrue(windows.bytes() <= planned, windows.bytes() + " of " + planned);
    }
    rows.work(false);
  }

  @Test
  void whatCannotBe_isRefused() {
    Buffer four = rows.memory.allocate(DType.F32, 4, 2, 2);
    Buffer five = rows.memory.allocate(DType.F32, 5, 2, 2);
    assertRefused(IllegalArgumentException.class, () -> rows.offload.append(0, 0, 0, four, five),
        "[4][2][2] f32", "[5][2][2] f32");
    assertRefused(IllegalStateException.class,
        () -> rows.context.recording(() -> rows.offload.append(0, 0, 0, four, four)),
        "recorded step");
    rows.fake.device().freeBytes = 1000;
    assertEquals(0, rows.offload.bytes());
    assertThrows(OutOfMemoryError.class, () -> rows.offload.append(0, 0, 0, four, four));
    assertEquals(0, rows.offload.bytes());
    rows.fake.device().freeBytes = 1L << 32;
    rows.append(new Place(0, 0), 4);
    rows.read(new Place(0, 0), 4);
    rows.work(true);
  }
}
