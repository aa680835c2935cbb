package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Step;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.Retrieval;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.retrieve.RetrievalSize;
import io.pariskv.testing.Buffers;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How the fused retrieval launches, what it holds and what it refuses, on the fake GPU. */
class CudaRetrievalTest {
  private static final KvShape SHAPE = new KvShape(2, 12, 2, 128, DType.BF16, List.of(0, 20));

  private final FakeCuda fake = new FakeCuda();
  private final CudaBackend backend = new CudaBackend(fake.driver(),
      new KernelImage(new byte[64], 13_000));
  private final Buffers buffers = new Buffers(backend);

  @AfterEach
  void nothingLeaks() {
    buffers.close();
    backend.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private Batch batch(int rows) {
    return new Batch(rows, buffers.of(new int[rows], rows), buffers.of(new int[rows], rows));
  }

  private Buffer queries(int rows) {
    return buffers.empty(DType.F32, rows, SHAPE.heads(), SHAPE.headDim());
  }

  /** The fake GPU knows how many arguments of which size each kernel takes. */
  @ParameterizedTest
  @CsvSource({"TIERS, MEAN, 3", "SCORES, MEAN, 2", "SCORES, PER_HEAD, 5"})
  void aStep_isFewLaunches_inARecordedStepToo(Coarse coarse, Grouping grouping, int launches) {
    RetrievalBudget budget = new RetrievalBudget(100, null, null);
    try (KeyIndex index = backend.newKeyIndex(SHAPE, 1, coarse);
        Retrieval retrieval = backend.newRetrieval(index,
            new RetrievalSize(1, 131_072, budget.candidates(131_072), 100), grouping)) {
      index.setBudget(0, budget.fields(130_000));
      Batch batch = batch(1);
      Buffer q = queries(1);
      fake.forget();
      try (Step step = backend.record(() -> retrieval.retrieve(0, batch, q))) {
        step.run();
        step.run();
        step.run();
      }
      assertEquals(launches, retrieval.parts().size());
      assertEquals(2L * launches, fake.launches()); // the first run, and the capture
      assertEquals(2, fake.count("cuGraphLaunch"));
      assertEquals(0, fake.count("cuMemAlloc_v2"));
    }
  }

  @ParameterizedTest
  @CsvSource({"TIERS, MEAN", "SCORES, MEAN", "SCORES, PER_HEAD"})
  void whatItWasNotOpenedFor_isRefused(Coarse coarse, Grouping grouping) {
    try (KeyIndex index = backend.newKeyIndex(SHAPE, 2, coarse);
        Retrieval retrieval = backend.newRetrieval(index, new RetrievalSize(2, 1_000, 500, 10),
            grouping)) {
      assertRefused(IllegalArgumentException.class,
          () -> retrieval.retrieve(0, batch(1), queries(1)), "2 sequences", "1");
      assertRefused(IllegalArgumentException.class,
          () -> retrieval.retrieve(0, batch(2), queries(1)), "queries", "[2][12][128]");
      assertRefused(IllegalArgumentException.class,
          () -> retrieval.retrieve(1, batch(2), queries(2)), "layer 1", "sliding window of 20");
      index.setBudget(0, new RetrievalBudget(10, 0.1, 0.1).fields(5_000));
      assertRefused(IllegalArgumentException.class,
          () -> retrieval.retrieve(0, batch(2), queries(2)), "votes", "5000");
    }
  }

  /** What it holds beyond the plan, {@code CudaMemory} counts as workspace. */
  @ParameterizedTest
  @CsvSource({"1, 1", "1, 4_099", "1, 131_072", "5, 163_840", "1, 1_048_576"})
  void itHoldsLittleMore_thanTheMethodPlans(int rows, int keys) {
    RetrievalSize size = new RetrievalSize(rows, keys, Math.ceilDiv(keys, 10), 100);
    for (Coarse coarse : Coarse.values()) {
      for (Grouping grouping : Grouping.values()) {
        try (KeyIndex index = backend.newKeyIndex(SHAPE, 1, coarse);
            Retrieval retrieval = backend.newRetrieval(index, size, grouping)) {
          long extra = retrieval.bytes() - size.bytes(SHAPE, grouping);
          assertTrue(extra <= (long) rows * SHAPE.kvHeads() * ((64L << 10) + 8L * 32 * size.k()),
              () -> coarse + ", " + grouping + ": " + extra + " bytes more");
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"0, 8, 1024, 1, 2", "1, 8, 1024, 1, 2", "1_025, 8, 1024, 2, 2",
      "32_768, 8, 1024, 32, 2", "131_072, 8, 4096, 32, 2", "262_144, 8, 8192, 32, 2",
      "262_145, 8, 9216, 29, 1", "1_048_576, 8, 32768, 32, 1", "131_072, 40, 22528, 6, 1",
      "131_072, 1_000, 65536, 2, 1"})
  void tilesCoverTheKeys_andFillTheGpuOnce(int keys, int heads, int tileKeys, int tiles,
      int tilesOfVote) {
    try (DeviceAllocator memory = new DeviceAllocator(backend.kernels().stream())) {
      RetrievalScratch scratch = RetrievalScratch.allocate(memory,
          new KvShape(1, heads, heads, 16, DType.BF16), new RetrievalSize(1, keys, keys, 1), 132,
          256, 1);
      assertEquals(tileKeys, scratch.tileKeys());
      assertEquals(tiles, scratch.tiles());
      assertEquals(heads, scratch.heads());
      assertEquals(tilesOfVote, scratch.tilesOfVote());
    }
  }
}
