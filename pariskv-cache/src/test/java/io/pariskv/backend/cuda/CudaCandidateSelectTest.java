package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.RetrievalSize;
import io.pariskv.testing.Buffers;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How the last part of a fused retrieval launches, and what it keeps, on the fake GPU. */
class CudaCandidateSelectTest {
  private static final KvShape SHAPE = new KvShape(1, 6, 2, 32, DType.BF16);

  private final FakeCuda fake = new FakeCuda();
  private final CudaBackend backend = new CudaBackend(fake.driver(),
      new KernelImage(new byte[64], 13_000));

  @AfterEach
  void nothingLeaks() {
    backend.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private RetrievalScratch scratch(DeviceAllocator memory, RetrievalSize size,
      int multiprocessors) {
    return RetrievalScratch.allocate(memory, SHAPE, size, multiprocessors, 256, 1);
  }

  private CudaCandidateSelect newSelect(DeviceAllocator memory, RetrievalScratch scratch) {
    return new CudaCandidateSelect(backend.kernels(), memory, scratch);
  }

  /** The fake GPU knows how many arguments of which size the kernel takes. */
  @Test
  void select_isOneLaunch_forTheSequencesItWasMadeFor() {
    RetrievalSize size = new RetrievalSize(3, 200_000, 20_000, 100);
    try (Buffers buffers = new Buffers(backend);
        KeyIndex index = backend.newKeyIndex(SHAPE, 3);
        DeviceAllocator memory = new DeviceAllocator(backend.kernels().stream())) {
      RetrievalScratch scratch = scratch(memory, size, 132);
      CudaCandidateSelect select = newSelect(memory, scratch);
      Batch batch = new Batch(3, buffers.of(new int[3], 3), buffers.of(new int[3], 3));
      Selection selection = new Selection(buffers.empty(DType.I32, 3, 2, 100),
          buffers.empty(DType.I32, 3, 2));
      Selection other = new Selection(buffers.empty(DType.I32, 2, 2, 100),
          buffers.empty(DType.I32, 2, 2));
      fake.forget();

      select.select(CudaKeyIndex.of(index), 0, batch, scratch, selection);

      assertEquals(1, fake.count("cuLaunchKernel"));
      assertRefused(IllegalArgumentException.class,
          () -> select.select(CudaKeyIndex.of(index), 0, batch, scratch, other), "selected counts",
          "[3][2]", "[2][2]");
    }
  }

  /** Two words each in shared memory, and beyond that in a copy for all candidates of the head. */
  @Test
  void candidates_goToDeviceMemory_onlyIfATileCanHaveTooMany() {
    RetrievalSize size = new RetrievalSize(1, 65_536, 20_000, 100);
    try (DeviceAllocator memory = new DeviceAllocator(backend.kernels().stream())) {
      RetrievalScratch small = scratch(memory, size, 8);
      long before = memory.allocatedBytes();
      newSelect(memory, small);
      assertEquals(8_192, small.tileKeys());
      assertEquals(2 * (8 * 8 * 128 + 4 * 8 + 4), memory.allocatedBytes() - before);

      RetrievalScratch large = scratch(memory, size, 6);
      before = memory.allocatedBytes();
      newSelect(memory, large);
      assertEquals(11_264, large.tileKeys());
      assertEquals(2 * (8 * 6 * 128 + 4 * 6 + 4 + 8 * 20_000), memory.allocatedBytes() - before);
    }
  }
}
