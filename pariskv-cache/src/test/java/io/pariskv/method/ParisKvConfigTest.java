package io.pariskv.method;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.error.InputException;
import io.pariskv.index.Coarse;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.retrieve.RetrievalBudget.Candidates;
import org.junit.jupiter.api.Test;

class ParisKvConfigTest {
  private static final RetrievalBudget BUDGET = new RetrievalBudget(100, null, null);

  @Test
  void sharp_hasTheZonesOfPaper_andFewerCandidatesOfScores() {
    ParisKvConfig sharp = ParisKvConfig.preset("sharp");
    RetrievalBudget budget = new RetrievalBudget(100, null, null, Candidates.GEOMETRIC_MEAN);
    assertEquals(new ParisKvConfig(ZoneSettings.matched(), budget, Coarse.SCORES, Grouping.MEAN),
        sharp);
    assertEquals(448, sharp.budget().candidates(2_000));
    assertEquals(3_621, sharp.budget().candidates(131_072));
    assertEquals(Coarse.SCORES, sharp.withBudget(BUDGET).coarse());
  }

  @Test
  void presets_areThePublishedNumbers() {
    assertEquals(new ParisKvConfig(64, 256, 512, 2_000, BUDGET), ParisKvConfig.preset("paper"));
    assertEquals(ParisKvConfig.paper(), ParisKvConfig.preset("released"));
    assertEquals(ParisKvConfig.paper(), ParisKvConfig.preset("matched"));
    assertEquals(new ParisKvConfig(64, 256, 512, 2_000, new RetrievalBudget(2_048, null, null)),
        ParisKvConfig.preset("ruler"));
    assertEquals(new ParisKvConfig(64, 128, 512, 2_000, new RetrievalBudget(100, 0.12, 0.30)),
        ParisKvConfig.preset("gpqa"));
    assertEquals(new ParisKvConfig(128, 512, 512, 2_000, BUDGET),
        ParisKvConfig.preset("throughput"));
    assertRefused(InputException.class, () -> ParisKvConfig.preset("fast"), "fast", "paper",
        "sharp", "ruler", "gpqa", "throughput");
  }
}
