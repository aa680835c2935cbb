package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Memory, tables and zones of the store, on the fake GPU. */
class CudaKvStoreTest {
  private static final KernelImage IMAGE = new KernelImage(new byte[64], 13_000);
  /** A slab of all layers is 2 MiB and takes memory of its own. */
  private static final KvShape SHAPE = new KvShape(2, 8, 4, 64, DType.BF16);
  private static final long BLOCK = SHAPE.bytes(1);
  private static final int SLOT = 1;

  private final FakeCuda fake = new FakeCuda();
  /** Lengths before and after each look for rows to bring back. */
  private final List<List<Integer>> refills = new ArrayList<>();
  private final CudaBackend backend;

  CudaKvStoreTest() {
    fake.device().kernel("kv_refill", new int[]{8, 8, 8, 4, 4, 4, 4, 4, 4},
        arguments -> refills.add(List.of(arguments.memory(2, 24)
            .getAtIndex(ValueLayout.JAVA_INT, 3L * arguments.integer(5) + 2),
            arguments.integer(6))));
    backend = new CudaBackend(fake.driver(), IMAGE);
  }

  @AfterEach
  void nothingLeaks() {
    backend.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  /** A store whose slots are all open. */
  private CudaKvStore open(boolean offload) {
    CudaKvStore store = new CudaKvStore(backend.kernels(), SHAPE, 2, offload, 0);
    store.open();
    store.open();
    return store;
  }

  private long[] download(long address, int count) {
    long[] values = new long[count];
    backend.kernels().ring().download(address, MemorySegment.ofArray(values));
    return values;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void tables_nameEverySlab_andOnlyNewOnesAreWritten(boolean offload) {
    try (CudaKvStore store = open(offload)) {
      store.reserve(SLOT, 1025);
      long first = store.slab(0, SLOT, false, 0);
      store.reserve(SLOT, 2049);

      assertEquals(first, store.slab(0, SLOT, false, 0));
      for (int layer = 0; layer < SHAPE.layers(); layer++) {
        for (int which = 0; which < 2; which++) {
          boolean values = which == 1;
          int at = layer;
          long[] slabs = IntStream.range(0, 3)
              .mapToLong(i -> store.slab(at, SLOT, values, i)).toArray();
          long[] table = download(
              store.slabTable(layer, SLOT) + 8L * which * CudaKvStore.MAX_SLABS, 4);
          assertArrayEquals(new long[]{slabs[0], slabs[1], slabs[2], 0}, table);
          fake.device().memory(slabs[2], BLOCK / 4 - 128);
        }
      }
      assertEquals(0, download(store.slabTable(0, 0), 1)[0]);
      assertEquals(offload ? 3 * BLOCK : 0, store.pinnedBytes());
      assertEquals(store.deviceBytes() + store.pinnedBytes(), store.bytes());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void copy_isOneLaunchForAllLayers_withinTheRoomOfBoth(boolean offload) {
    List<List<Integer>> copies = new ArrayList<>();
    fake.device().kernel("kv_copy", new int[]{8, 8, 8, 4, 4, 4, 4, 4, 4, 4, 4},
        arguments -> copies.add(IntStream.range(3, 11).mapToObj(arguments::integer).toList()));
    try (CudaKvStore store = open(offload)) {
      store.reserve(0, 1500);
      store.reserve(SLOT, 1000);

      store.copy(0, SLOT, 3, 1024);

      assertRefused(IllegalArgumentException.class, () -> store.copy(0, SLOT, 3, 1025),
          "3 to 1024", "1024 tokens");
      assertRefused(IllegalArgumentException.class, () -> store.copy(SLOT, 0, 3, 1025),
          "3 to 1024", "1024 tokens");
      backend.kernels().stream().synchronize();
    }
    int rowBytes = 2 * SHAPE.headDim();
    assertEquals(List.of(List.of(0, SHAPE.layers(), 0, SLOT, 3, 1024, SHAPE.kvHeads(), rowBytes)),
        copies);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void reserving_whatIsThere_callsNothing(boolean offload) {
    try (CudaKvStore store = open(offload)) {
      store.reserve(SLOT, 1000);
      fake.forget();
      for (int tokens = 0; tokens <= 1024; tokens++) {
        store.reserve(SLOT, tokens);
      }

      assertEquals(List.of(), fake.calls());
    }
  }

  /** The first growth and a later one, with memory and with tables that fail half-way. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void growthThatFails_leavesWhatWas_andCanBeTriedAgain(boolean offload) {
    try (CudaKvStore store = open(offload)) {
      for (int tokens : new int[]{40_000, 90_000}) { // more than a run of slabs each
        String before = fake.device().leaks();
        long bytes = store.bytes();
        int capacity = store.capacity(SLOT);

        fake.fail(offload ? "cuMemHostRegister_v2" : "cuMemAlloc_v2", CudaException.OUT_OF_MEMORY,
            1, 1);
        assertThrows(OutOfMemoryError.class, () -> store.reserve(SLOT, tokens));
        assertEquals(before, fake.device().leaks());
        fake.fail("cuMemcpyHtoDAsync_v2", 999, 2, 1);
        assertThrows(CudaException.class, () -> store.reserve(SLOT, tokens));

        assertEquals(before, fake.device().leaks());
        assertEquals(bytes, store.bytes());
        assertEquals(capacity, store.capacity(SLOT));
        store.reserve(SLOT, tokens);
        assertEquals((tokens + 1023) / 1024 * 1024, store.capacity(SLOT));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void released_givesItsMemoryBack_once(boolean offload) {
    CudaKvStore store = open(offload);
    long empty = store.bytes();
    String before = fake.device().leaks();
    store.reserve(SLOT, 3000);
    store.reserve(SLOT, 6000);

    store.release(SLOT);

    assertEquals(before, fake.device().leaks());
    assertEquals(empty, store.bytes());
    assertRefused(IllegalStateException.class, () -> store.release(SLOT), "slot 1 is not open");
    assertEquals(SLOT, store.open());
    assertEquals(0, store.capacity(SLOT));
    store.reserve(0, 1);
    store.close();
    store.close();
    assertRefused(IllegalStateException.class, store::open, "closed");
    assertRefused(IllegalStateException.class, () -> store.reserve(0, 1), "not open");
  }

  @Test
  void closing_freesAll_evenIfTheGpuFails() {
    open(true).close(); // the module keeps the kernel that a store looks up
    String before = fake.device().leaks();
    CudaKvStore store = open(true);
    store.reserve(0, 1);
    store.reserve(SLOT, 1);
    fake.fail("cuStreamSynchronize", 700);

    assertThrows(CudaException.class, store::close);

    assertEquals(before, fake.device().leaks());
  }

  @Test
  void contextsThatTheTablesCannotHold_areRefusedWithBothNumbers() {
    try (CudaKvStore store = open(false)) {
      assertRefused(InputException.class, () -> store.reserve(0, 2_097_153), "2097153", "2097152",
          "--context");
    }
    assertRefused(IllegalStateException.class, () -> open(false).offload(), "device memory");
  }

  @Test
  void shorterSequences_bringRowsBack_beforeTheirLengthIsKnown_withOffloadAlone() {
    try (CudaKvStore store = open(true); CudaKvStore onDevice = open(false)) {
      for (CudaKvStore each : List.of(store, onDevice)) {
        each.reserve(SLOT, 5000);
        each.setZones(SLOT, TokenZones.dense(5000));
        each.setZones(SLOT, new TokenZones(4, 2000, 3000));
        each.setZones(SLOT, TokenZones.dense(3001));
        each.reserve(0, 2048);
        each.setZones(0, TokenZones.dense(5)); // too short to overwrite anything
        int[] zones = new int[6];
        backend.download(each.zones(), MemorySegment.ofArray(zones));
        assertArrayEquals(new int[]{0, 0, 5, 0, 0, 3001}, zones);
      }
    }
    assertEquals(List.of(List.of(5000, 3000), List.of(3000, 3001)), refills);
  }

  @Test
  void storeInARecordedStep_isRefused() {
    try (CudaKvStore store = open(false)) {
      for (Runnable change : List.<Runnable>of(() -> store.setZones(0, TokenZones.dense(1)),
          () -> store.reserve(0, 1), () -> store.read(0, 0, 0, new float[256], new float[256]))) {
        assertRefused(IllegalStateException.class, () -> backend.record(change).run(),
            "recorded step");
      }
    }
  }

  @Test
  void read_findsARowInItsSlab() {
    for (boolean offload : new boolean[]{false, true}) {
      try (CudaKvStore store = open(offload)) {
        store.reserve(SLOT, 1025);
        long row = store.slab(1, SLOT, true, 1) + (3 * 1024 + 5) * 256L; // head 3, position 1029
        backend.kernels().ring().upload(MemorySegment.ofArray(new short[]{0x3f80, 0x4000}), row);
        float[] k = new float[256];
        float[] v = new float[256];

        store.read(1, SLOT, 1029, k, v);

        float[] expected = new float[256];
        expected[3 * 64] = 1;
        expected[3 * 64 + 1] = 2;
        assertArrayEquals(expected, v);
        assertArrayEquals(new float[256], k);
      }
    }
    assertTrue(refills.isEmpty());
  }
}
