package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.AddressTables;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.MagicPig;
import io.pariskv.method.MethodState;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.PqCache;
import io.pariskv.method.Quest;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a plan promises of the GPU's memory, and what is taken of it, for many sequences. */
class CudaPlanTest {
  private static final int SLOTS = 24;
  private static final int TOKENS = 900;
  private static final KvShape SHAPE = new KvShape(8, 2, 1, 16, DType.BF16);
  private static final long MIB = 1L << 20;
  private static final KernelImage IMAGE = new KernelImage(new byte[64], 13_000);

  private final FakeCuda fake = new FakeCuda();

  @AfterEach
  void nothingLeaks() {
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private static long bytes(MemoryPlan plan, String part) {
    return plan.parts().stream().filter(each -> each.name().equals(part))
        .mapToLong(MemoryPlan.Part::bytes).sum();
  }

  /** Without the workspace, which no store takes: tables are there from the start, for every slot. */
  @ParameterizedTest
  @EnumSource(KvPlacement.class)
  void plan_coversWhatManySlotsKeep_tablesIncluded(KvPlacement at) {
    try (CudaBackend backend = new CudaBackend(fake.driver(),
        IMAGE)) {
      MemoryPlan kvPlan = backend.planKv(backend.plan(), SHAPE, SLOTS, TOKENS, 256, at);
      MemoryPlan plan = ParisKv.defaults().plan(kvPlan, SHAPE, SLOTS, TOKENS);
      long before = fake.device().deviceBytes();
      try (KvStore kv = backend.newKvStore(SHAPE, SLOTS, at, 0);
          KeyIndex index = backend.newKeyIndex(SHAPE, SLOTS, Coarse.SCORES)) {
        long tables = fake.device().deviceBytes() - before;
        long planned = bytes(plan, "K and V tables") + bytes(plan, "index tables");
        assertTrue(tables <= planned + 3 * DeviceAllocator.BLOCK, tables + " of " + planned);
        assertTrue(tables >= planned, tables + " of " + planned);
        for (int i = 0; i < SLOTS; i++) {
          int slot = kv.open();
          kv.reserve(slot, TOKENS);
          index.reserve(slot, TOKENS);
        }
        long kept = fake.device().deviceBytes() - before;
        long promised = plan.bytes(MemoryPlace.GPU) - CudaMemory.WORKSPACE;
        assertTrue(kept <= promised + 3 * DeviceAllocator.BLOCK, kept + " kept, " + plan);
        assertTrue(kept >= promised / 2, kept + " kept, " + plan);
      }
    }
  }

  /** As it was found: 640 MiB of tables for 256 sequences of 32 layers, and none of them planned. */
  @Test
  void tablesOfManySequences_areNoLongerHiddenInTheWorkspace() {
    KvShape shape = new KvShape(32, 32, 8, 128, DType.BF16);
    MemoryPlan plan = CudaMemory.planKv(MemoryPlan.in(MemoryPlace.GPU), shape, 256, 1_000, 256,
        KvPlacement.DEVICE);
    assertEquals(256, bytes(plan, "K and V tables") / MIB);
    assertEquals(256 * MIB, bytes(ParisKv.paper().plan(plan, shape, 256, 1_000), "index tables"));
    assertEquals(384 * MIB,
        bytes(ParisKv.defaults().plan(plan, shape, 256, 1_000), "index tables"));
  }

  /** A plan has as many tables as the method opens. */
  @Test
  void everyMethod_plansTheTablesThatItOpensOnAGpu_andNoneInHostMemory() {
    KvShape shape = new KvShape(8, 2, 1, 64, DType.BF16);
    int slots = 64;
    ParisKvConfig sharp = ParisKvConfig.sharp();
    for (AttentionMethod method : List.of(ParisKv.paper(), ParisKv.defaults(),
        new ParisKv(sharp.withBudget(sharp.budget().withShare(0.9))), Quest.matched(64),
        PqCache.matched(64, 4_096), MagicPig.released())) {
      MemoryPlan plan = method.plan(MemoryPlan.in(MemoryPlace.GPU), shape, slots, TOKENS);
      assertEquals(0, bytes(method.plan(MemoryPlan.empty(), shape, slots, TOKENS), "index tables"));
      try (CudaBackend backend = new CudaBackend(fake.driver(), IMAGE);
          KvStore kv = backend.newKvStore(shape, slots)) {
        long before = fake.device().deviceBytes();
        try (MethodState state = method.open(backend, kv)) {
          assertTrue(state.bytes() >= 0);
          long table = AddressTables.bytes(shape, slots, 1); // more than what else there is
          assertEquals(bytes(plan, "index tables") / table,
              (fake.device().deviceBytes() - before) / table, method::toString);
        }
      }
    }
  }
}
