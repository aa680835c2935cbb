package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.KeySummary;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.testing.Buffers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Slabs, tables and budgets of the index, and how its stages launch, on the fake GPU. */
class CudaKeyIndexTest {
  /** The middle layer has a sliding window. */
  private static final KvShape SHAPE = new KvShape(3, 6, 2, 32, DType.BF16, List.of(0, 20, 0));
  private static final int SLOTS = 2;
  /** Of one layer's slab: 2 KV heads, 1,024 keys, 4 subspaces of 7 bytes. */
  private static final long SLAB_BYTES = 2 * 1024 * 4 * 7;
  private static final long POPULATION_BYTES = 3 * 2 * 4 * 256 * 4;

  private final FakeCuda fake = new FakeCuda();
  private final CudaBackend backend = new CudaBackend(fake.driver(),
      new KernelImage(new byte[64], 13_000));
  private final List<CudaResource> before = backend.kernels().context().openResources();
  private final CudaKeyIndex index = CudaKeyIndex.of(backend.newKeyIndex(SHAPE, SLOTS));

  @AfterEach
  void nothingLeaks() {
    index.close();
    index.close();
    assertEquals(before, backend.kernels().context().openResources());
    backend.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  /** The first addresses of a slot and layer in a table. */
  private long[] slabs(long table, int slot, int layer, int count) {
    backend.kernels().stream().synchronize();
    long row = (long) slot * SHAPE.layers() + layer;
    return fake.device().memory(table + 8 * row * CudaKvStore.MAX_SLABS, 8L * count)
        .toArray(ValueLayout.JAVA_LONG);
  }

  @Test
  void slabs_areInTheTables_andStayWhereTheyAre() {
    index.reserve(1, 1_500);
    long[] first = slabs(index.idTable(), 1, 2, 2);
    index.reserve(1, 1_200); // there is room
    index.reserve(1, 4_097);

    assertEquals(5 * 1024, index.capacity(1));
    long[] ids = slabs(index.idTable(), 1, 2, 6);
    long[] records = slabs(index.recordTable(), 1, 2, 6);
    assertArrayEquals(first, Arrays.copyOf(ids, 2));
    assertEquals(5, Arrays.stream(ids).limit(5).filter(id -> id != 0).distinct().count());
    for (int slab = 0; slab < 5; slab++) {
      fake.device().memory(ids[slab], SLAB_BYTES); // all of it is in one allocation
      assertEquals(0, ids[slab] % 256);
      assertEquals(ids[slab] + 2 * 1024 * 4, records[slab]);
    }
    assertEquals(0, ids[5]);
    assertArrayEquals(new long[5], slabs(index.idTable(), 1, 1, 5)); // the sliding window
    assertArrayEquals(new long[5], slabs(index.idTable(), 0, 2, 5)); // another sequence
    assertEquals(index.populations(2, 1).address(), fake.device()
        .memory(index.populationTable() + 8L * (SHAPE.layers() + 2), 8)
        .get(ValueLayout.JAVA_LONG, 0));
    assertEquals("[2][4][256] i32", index.populations(2, 1).toString());
  }

  @Test
  void read_unpacksAKeyOfItsSlab() {
    index.reserve(0, 2_048);
    int key = 1024 + 7;
    long row = 1024 + 7; // of KV head 1 in the second slab
    fake.device().memory(slabs(index.idTable(), 0, 2, 2)[1] + 4 * row, 4)
        .copyFrom(MemorySegment.ofArray(new byte[]{1, 2, (byte) 0x83, (byte) 0xff}));
    MemorySegment record = fake.device().memory(slabs(index.recordTable(), 0, 2, 2)[1] + 24 * row,
        24);
    record.set(ValueLayout.JAVA_INT_UNALIGNED, 4, 0xfedcba98);
    record.set(ValueLayout.JAVA_SHORT_UNALIGNED, 16 + 6, (short) 0x3f80);

    int[] codes = new int[32];
    System.arraycopy(new int[]{8, 9, 10, 11, 12, 13, 14, 15}, 0, codes, 8, 8);
    assertEquals(
        new KeySummary(new int[]{1, 2, 0x83, 0xff}, codes, new short[]{0, 0, 0, 0x3f80}, (short) 0),
        index.read(2, 0, 1, key));
    assertThrows(IndexOutOfBoundsException.class, () -> index.read(2, 0, 1, 2_048));
    assertThrows(IndexOutOfBoundsException.class, () -> index.read(2, 0, 2, 0));
  }

  @Test
  void growthThatTheGpuHasNoMemoryFor_leavesWhatThereWas() {
    index.reserve(0, 1_000);
    long bytes = index.bytes();
    long[] before = slabs(index.idTable(), 0, 0, 100);
    fake.device().freeBytes = 3 << 20; // the populations of another sequence, and no more

    assertThrows(OutOfMemoryError.class, () -> index.reserve(0, 100_000));
    assertThrows(OutOfMemoryError.class, () -> index.reserve(1, 100_000));

    assertEquals(bytes, index.bytes());
    assertEquals(1_024, index.capacity(0));
    assertEquals(0, index.capacity(1));
    assertArrayEquals(before, slabs(index.idTable(), 0, 0, 100));
    assertRefused(IllegalStateException.class, () -> index.populations(0, 1), "slot 1");
    index.reserve(0, 2_000);
    assertEquals(2_048, index.capacity(0));
  }

  @Test
  void release_freesTheSequence_andEmptiesItsBudget() {
    long empty = index.bytes();
    index.reserve(0, 1_000);
    assertEquals(empty + 2 * SLAB_BYTES + POPULATION_BYTES, index.bytes());
    index.setBudget(0, new RetrievalBudget(100, null, null).fields(1_000));
    assertEquals(500, index.fewestCandidates());

    index.release(0);
    index.release(0);

    assertEquals(empty, index.bytes());
    assertEquals(0, index.budget(0, 0));
    assertEquals(0, index.fewestCandidates());
    try (Buffers buffers = new Buffers(backend)) {
      assertArrayEquals(new int[SLOTS * KeyIndex.BUDGET_FIELDS], buffers.ints(index.budgets()));
    }
    index.reserve(0, 1);
    assertEquals(1_024, index.capacity(0));
  }

  @Test
  void budgets_areUploadedWhenTheyChange_andNotInARecordedStep() {
    int[] budget = new RetrievalBudget(100, null, null).fields(7_000);
    fake.forget();
    index.setBudget(1, budget);
    index.setBudget(1, budget.clone());
    index.setBudget(0, new int[KeyIndex.BUDGET_FIELDS]);

    assertEquals(1, fake.count("cuMemcpyHtoDAsync_v2"));
    assertEquals(budget[1], index.budget(1, 1));
    try (Buffers buffers = new Buffers(backend)) {
      int[] all = buffers.ints(index.budgets());
      assertArrayEquals(budget, Arrays.copyOfRange(all, KeyIndex.BUDGET_FIELDS, all.length));
    }
    assertRefused(IllegalStateException.class,
        () -> backend.record(() -> index.setBudget(0, budget)).run(), "budget", "recorded step");
    assertRefused(IllegalStateException.class,
        () -> backend.record(() -> index.reserve(0, 5)).run(), "room for keys", "recorded step");
    assertRefused(IllegalArgumentException.class, () -> index.setBudget(0, new int[3]), "9", "3");
  }

  @Test
  void whatCannotBeIndexed_isRefused() {
    index.reserve(0, 10);
    assertRefused(IllegalArgumentException.class, () -> index.reserve(0, 2_097_153), "2097153",
        "2097152", "--context");
    assertRefused(IllegalArgumentException.class, () -> index.populations(1, 0), "layer 1",
        "window of 20");
    assertRefused(IllegalStateException.class, () -> index.read(0, 1, 0, 0), "slot 1",
        "reserve first");
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 24, 80, 96, 512})
  void headSizesThatCannotBeSummarised_areRefused(int headDim) {
    assertRefused(IllegalArgumentException.class,
        () -> backend.newKeyIndex(new KvShape(1, 1, 1, headDim, DType.F32), 1).close(),
        "" + headDim, "power of two from 16 to 256");
  }

  /** The fake GPU knows how many arguments of which size each kernel takes. */
  @Test
  void stages_launchTheirKernels_inARecordedStepToo() {
    try (Buffers buffers = new Buffers(backend)) {
      Batch batch = new Batch(1, buffers.of(new int[1], 1), buffers.of(new int[1], 1));
      Buffer q = buffers.empty(DType.F32, 1, 6, 32);
      Buffer blocks = buffers.empty(DType.F32, 1, 2, 32);
      Buffer tiers = buffers.empty(DType.U8, 1, 2, 4, 256);
      Buffer candidates = buffers.empty(DType.I32, 1, 2, 20);
      Buffer scores = buffers.empty(DType.F32, 1, 2, 20);
      index.reserve(0, 100);
      index.setBudget(0, new RetrievalBudget(5, 0.2, 0.3).fields(100));
      Runnable body = () -> {
        backend.retrieval().queryBlocks().rotate(index, batch, q, blocks);
        backend.retrieval().centroidTiers().rank(index, 2, batch, blocks, tiers);
        backend.retrieval().rerank().score(index, 2, batch, blocks, candidates, scores);
      };
      fake.forget();
      try (var step = backend.record(body)) {
        step.run();
        step.run();
        index.reserve(0, 3_000); // the graph finds the new slabs through the tables
        step.run();
      }
      assertEquals(2 * 3, fake.launches());
      assertNotEquals(0, slabs(index.idTable(), 0, 2, 3)[2]);
      assertRefused(IllegalArgumentException.class, () -> backend.retrieval().rerank()
          .score(index, 2, batch, blocks, buffers.empty(DType.I32, 1, 2, 19), scores),
          "[1][2][20]", "[1][2][19]");
      assertRefused(IllegalArgumentException.class, () -> backend.retrieval().centroidTiers()
          .rank(index, 1, batch, blocks, tiers), "layer 1", "sliding window");
    }
  }
}
