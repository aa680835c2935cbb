package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.index.SimHash;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.memory.DType;
import io.pariskv.method.MagicPig;
import io.pariskv.method.MagicPigOnHost;
import io.pariskv.method.ZoneSettings;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Passes;
import io.pariskv.testing.Seeded;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What MagicPIG with its tables on the CPU leaves to the GPU, here a fake one whose rows are all zero. */
@Seeded
class TablesOnHostTest {
  /** Layers 0 and 3 are dense, 1 has a sliding window. */
  private static final KvShape SHAPE = new KvShape(5, 4, 2, 64, DType.BF16,
      List.of(0, 20, 0, 0, 0));

  private static final MagicPig METHOD = new MagicPig(new ZoneSettings(4, 8, 16, 0),
      new SimHash(2, 30), true, 3);

  @ParameterizedTest
  @EnumSource(KvPlacement.class)
  void theGpu_attendsInLayersWithoutSamples_andHashesNothing(KvPlacement placement) {
    List<String> launched = new ArrayList<>();
    try (FakeCuda fake = new FakeCuda()) {
      KernelSources.files().forEach(file -> KernelSources.entries(file).forEach((name, sizes) -> {
        if (!name.startsWith("smoke")) { // the fake has its own
          fake.device().kernel(name, sizes, _ -> launched.add(name));
        }
      }));
      try (CudaBackend backend = new CudaBackend(fake.driver(),
          new KernelImage(new byte[64], 13_000));
          CachePool pool = new CachePool(backend, SHAPE, new MagicPigOnHost(METHOD), 2,
              placement);
          KvCache first = pool.open();
          KvCache second = pool.open();
          Buffers buffers = new Buffers(backend)) {
        Passes passes = new Passes(pool);
        passes.prefill(first, "first", 1_100);
        passes.prefill(second, "second", 60);
        launched.clear();
        try (DecodeBatch batch = pool.batch(List.of(second, first))) {
          passes.step(batch, List.of("second", "first"));
          Selection selection = batch.selection();
          assertNotNull(selection);
          assertEquals(8, buffers.ints(selection.counts()).length);
        }
        assertEquals(3, launched.stream().filter(name -> name.startsWith("decode")).count(),
            launched::toString);
        assertTrue(launched.stream().noneMatch(name -> name.matches("(key_|hash_|per_head).*")),
            launched::toString);
      }
      assertEquals("", fake.device().leaks());
    }
  }
}
