package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.RowFetches;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.testing.Buffers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Memory of the cache of rows, when it forgets, and that it is looked into before attention, on the fake GPU. */
class CudaRowCacheTest {
  private static final KernelImage IMAGE = new KernelImage(new byte[64], 13_000);
  private static final KvShape SHAPE = new KvShape(3, 8, 2, 64, DType.BF16, List.of(0, 40, 0));
  private static final int ROWS = 777;
  private static final int SLOT = 1;

  private final FakeCuda fake = new FakeCuda();
  private final List<String> launched = new ArrayList<>();
  private final CudaBackend backend;
  private final Buffers buffers;

  CudaRowCacheTest() {
    KernelSources.files().forEach(file -> KernelSources.entries(file).forEach((name, sizes) -> {
      if (name.matches("row_cache|decode_attention.*")) {
        fake.device().kernel(name, sizes, _ -> launched.add(name));
      }
    }));
    backend = new CudaBackend(fake.driver(), IMAGE);
    buffers = new Buffers(backend);
  }

  @AfterEach
  void nothingLeaks() {
    buffers.close();
    backend.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private CudaKvStore open() {
    CudaKvStore store = new CudaKvStore(backend.kernels(), SHAPE, 2, true, ROWS);
    store.open();
    store.open();
    return store;
  }

  private static CudaRowCache cache(CudaKvStore store) {
    return Objects.requireNonNull(store.rowCache());
  }

  private long[] download(long address, int count) {
    long[] values = new long[count];
    backend.kernels().ring().download(address, MemorySegment.ofArray(values));
    return values;
  }

  @Test
  void aSequence_hasWhatThePlanSays_inLayersThatSeeEverything_andGivesItBack() {
    try (CudaKvStore store = open()) {
      CudaRowCache cache = cache(store);
      String before = fake.device().leaks();
      long planned = backend.planRowCache(MemoryPlan.empty(), SHAPE, 1, ROWS).totalBytes();
      long perLayer = ROWS * SHAPE.tokenBytes() + 4L * SHAPE.kvHeads() * (ROWS + 25 + 1);
      assertEquals(2 * perLayer, planned);
      for (int round = 0; round < 2; round++) {
        store.reserve(SLOT, 5000);
        store.reserve(SLOT, 9000);
        assertEquals(planned, cache.bytes());
        for (long table : new long[]{cache.rowTable(), cache.stateTable()}) {
          long[] layers = download(table + 8L * SLOT * SHAPE.layers(), SHAPE.layers());
          assertEquals(0, layers[1]);
          assertEquals(0, LongStream.of(layers[0], layers[2]).filter(at -> at % 4 != 0).count());
          fake.device().memory(layers[2], ROWS);
        }
        store.release(SLOT);
        assertEquals(0, cache.bytes());
        assertEquals(before, fake.device().leaks());
        store.open();
      }
    }
  }

  @Test
  void growthThatFails_leavesNoCache_andCanBeTriedAgain() {
    try (CudaKvStore store = open()) {
      String before = fake.device().leaks();
      for (int failing = 0; failing < 3; failing++) {
        fake.fail("cuMemAlloc_v2", CudaException.OUT_OF_MEMORY, failing, 1);
        assertThrows(OutOfMemoryError.class, () -> store.reserve(SLOT, 3000));
        assertEquals(before, fake.device().leaks());
        assertEquals(0, cache(store).bytes());
        store.setZones(SLOT, new TokenZones(4, 900, 1000));
        store.setZones(SLOT, TokenZones.dense(5)); // nothing to forget
      }
      store.reserve(SLOT, 3000);
      assertEquals(CudaRowCache.bytes(SHAPE, ROWS), cache(store).bytes());
    }
  }

  @Test
  void aSequence_isForgotten_whenItGetsShorterThanItsZoneWas_andOnlyThen() {
    try (CudaKvStore store = open()) {
      store.reserve(SLOT, 5000);
      long state = download(cache(store).stateTable() + 8L * SLOT * SHAPE.layers(), 1)[0];
      long last = state + CudaRowCache.bytes(SHAPE, ROWS) - 2 * ROWS * SHAPE.tokenBytes() - 8;
      for (TokenZones keeps : List.of(new TokenZones(4, 3000, 4000),
          new TokenZones(4, 3000, 3500), TokenZones.dense(3000), new TokenZones(64, 2900, 3000),
          new TokenZones(4, 3500, 4000))) {
        fill(state, last);
        store.setZones(SLOT, keeps);
        assertEquals(-1, download(state, 1)[0], keeps::toString);
      }
      store.setZones(0, TokenZones.dense(0)); // another sequence
      assertEquals(-1, download(last, 1)[0]);
      store.setZones(SLOT, TokenZones.dense(3499));
      assertEquals(0, download(state, 1)[0]);
      assertEquals(0, download(last, 1)[0]);
      fill(state, last);
      store.setZones(SLOT, TokenZones.dense(5)); // no place was given away since
      assertEquals(-1, download(state, 1)[0]);
    }
  }

  private void fill(long... addresses) {
    for (long address : addresses) {
      backend.kernels().ring().upload(MemorySegment.ofArray(new long[]{-1}), address);
    }
  }

  @Test
  void attention_isPrecededByOneLookUp_whereWhatIsSelectedHasPlaces_andNotWhenItIsRefused() {
    try (CudaKvStore store = open()) {
      Batch batch = new Batch(1, buffers.of(new int[1], 1), buffers.of(new int[1], 1));
      Buffer q = buffers.empty(DType.F32, 1, SHAPE.heads(), SHAPE.headDim());
      Buffer narrow = buffers.empty(DType.F32, 1, SHAPE.heads(), 3);
      Selection selection = selection(ROWS);
      attend(store, 0, batch, q, selection, q);
      attend(store, 1, batch, q, selection, q); // a sliding window
      backend.attention().decode().attend(store, 2, batch, q, null, q);
      assertRefused(IllegalArgumentException.class,
          () -> attend(store, 0, batch, q, selection, narrow), "[1][8][64]");
      attend(store, 0, batch, q, selection(ROWS + 1), q); // a share of the prompt, say
      backend.kernels().stream().synchronize();
      assertEquals(List.of("row_cache", "decode_attention_64", "decode_attention_64",
          "decode_attention_64", "decode_attention_64"), launched);
      assertEquals(RowFetches.NONE, store.fetches(SLOT));
    }
  }

  private void attend(KvStore store, int layer, Batch batch, Buffer q, Selection selection,
      Buffer out) {
    backend.attention().decode().attend(store, layer, batch, q, selection, out);
  }

  private Selection selection(int capacity) {
    return new Selection(buffers.empty(DType.I32, 1, SHAPE.kvHeads(), capacity),
        buffers.empty(DType.I32, 1, SHAPE.kvHeads()));
  }

  @Test
  void storesOnTheDevice_andModelsWithWindowsAlone_haveNone() {
    try (KvStore onDevice = backend.newKvStore(SHAPE, 1, KvPlacement.DEVICE, ROWS);
        KvStore windows = backend.newKvStore(
            new KvShape(1, 2, 1, 64, DType.BF16, List.of(40)), 1, KvPlacement.HOST, ROWS)) {
      assertNull(CudaKvStore.of(onDevice).rowCache());
      assertNull(CudaKvStore.of(windows).rowCache());
      assertEquals(0, onDevice.cachedRows());
      assertEquals(RowFetches.NONE, onDevice.fetches(onDevice.open()));
      assertEquals(List.of(),
          backend.planRowCache(MemoryPlan.empty(), windows.shape(), 1, ROWS).parts());
    }
    assertRefused(IllegalArgumentException.class,
        () -> backend.newKvStore(SHAPE, 1, KvPlacement.HOST, 16_385), "16385", "16384");
  }
}
