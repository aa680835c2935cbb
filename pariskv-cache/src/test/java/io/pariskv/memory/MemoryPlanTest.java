package io.pariskv.memory;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MemoryPlanTest {
  private static final MemoryPlan PLAN = MemoryPlan.empty()
      .with("weights", 24_000_000, MemoryPlace.MAPPED)
      .with("K and V", 96 << 20).with("summaries", 21 << 20);

  @Test
  void plan_sumsItsParts_mappedOnesApart() {
    assertEquals(3, PLAN.parts().size());
    assertEquals(24_000_000 + (117L << 20), PLAN.totalBytes());
    assertEquals(117L << 20, PLAN.allocatedBytes());
    assertEquals("weights 22.9 MiB mapped, K and V 96.0 MiB, summaries 21.0 MiB",
        PLAN.toString());
  }

  @Test
  void planThatFits_passes_andMappedFilesNeedNoRoom() {
    assertDoesNotThrow(
        () -> PLAN.requireFits(new AvailableMemory(117L << 20, 0), "lower --context"));
    assertEquals(0, MemoryPlan.empty().totalBytes());
    assertDoesNotThrow(() -> MemoryPlan.empty().requireFits(AvailableMemory.NONE, ""));
  }

  @Test
  void planThatDoesNotFit_isRefusedWithBothNumbersThePartsAndTheWayOut() {
    assertRefused(InputException.class,
        () -> PLAN.requireFits(new AvailableMemory((117L << 20) - 1, 1L << 40), "lower --context"),
        "117.0 MiB needed",
        "117.0 MiB available", "K and V 96.0 MiB", "lower --context");
  }

  @Test
  void placesAreCountedApart_andTheShortOneIsNamed() {
    MemoryPlan plan = MemoryPlan.in(MemoryPlace.GPU).with("weights", 15L << 30)
        .with("K and V", 16L << 30, MemoryPlace.PINNED);

    assertTrue(plan.fits(new AvailableMemory(16L << 30, 15L << 30)));
    assertRefused(InputException.class,
        () -> plan.requireFits(new AvailableMemory(17L << 30, 14L << 30), "use a smaller model"),
        "not enough GPU memory: 15.0 GiB needed, 14.0 GiB available", "K and V 16.0 GiB pinned");
    assertRefused(InputException.class,
        () -> plan.requireFits(new AvailableMemory(15L << 30, 80L << 30), "lower --context"),
        "not enough host memory: 16.0 GiB needed, 15.0 GiB available", "weights 15.0 GiB GPU");
    assertEquals(new AvailableMemory(5, 7),
        AvailableMemory.of(MemoryPlace.PINNED, 5).plus(AvailableMemory.of(MemoryPlace.GPU, 7)));
  }

  @Test
  void whatMustStayFree_isNotTaken_andIsNamed() {
    MemoryPlan plan = MemoryPlan.in(MemoryPlace.GPU).with("weights", 15L << 30)
        .with("K and V", 16L << 30, MemoryPlace.PINNED);
    AvailableMemory enough = new AvailableMemory(18L << 30, 16L << 30, 2L << 30, 1L << 30);

    plan.requireFits(enough, "");
    assertEquals(16L << 30, enough.hostForPlans());
    assertEquals(15L << 30, enough.gpuForPlans());
    AvailableMemory less = new AvailableMemory((18L << 30) - 1, 16L << 30, 2L << 30, 1L << 30);
    assertRefused(InputException.class, () -> plan.requireFits(less, "lower --context"),
        "16.0 GiB needed, 18.0 GiB available, of which 2.0 GiB must stay free");
    plan.requireFits(less.laterOn(), "");
    assertEquals(0, new AvailableMemory(1, 1, 2, 2).hostForPlans());
  }

  @ParameterizedTest
  @CsvSource({"0, 0 B", "1023, 1023 B", "1024, 1.0 KiB", "1536, 1.5 KiB", "1048576, 1.0 MiB",
      "1610612736, 1.5 GiB", "9223372036854775807, 8.0 EiB"})
  void humanBytes_haveBinaryUnits(long bytes, String text) {
    assertEquals(text, MemoryPlan.humanBytes(bytes));
  }
}
