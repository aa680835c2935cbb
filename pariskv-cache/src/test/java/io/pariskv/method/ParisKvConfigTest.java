package io.pariskv.method;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.error.InputException;
import io.pariskv.index.Coarse;
import io.pariskv.kv.TokenZones;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.retrieve.RetrievalBudget.Candidates;
import org.junit.jupiter.api.Test;

class ParisKvConfigTest {
  private static final RetrievalBudget BUDGET = new RetrievalBudget(100, null, null);

  /** Sink 4, local 6, interval 10, dense below 50. */
  private static final ParisKvConfig CONFIG = new ParisKvConfig(4, 6, 10, 50, BUDGET);

  @Test
  void belowTheThreshold_everythingIsAttended() {
    assertEquals(TokenZones.dense(49), CONFIG.slide(TokenZones.dense(49), true));
    assertEquals(TokenZones.dense(49), CONFIG.slide(TokenZones.dense(49), false));
  }

  @Test
  void atTheThreshold_theZoneOpens_inPrefillAndWhileDecoding() {
    assertEquals(new TokenZones(4, 44, 50), CONFIG.slide(TokenZones.dense(50), true));
    assertEquals(new TokenZones(4, 44, 50), CONFIG.slide(TokenZones.dense(50), false));
  }

  @Test
  void whileDecoding_theWindowSlidesExactlyWhenTheBufferIsFull() {
    TokenZones zones = new TokenZones(4, 44, 50);
    for (int step = 1; step < 10; step++) {
      zones = CONFIG.slide(zones.appended(1), false);
      assertEquals(new TokenZones(4, 44, 50 + step), zones);
    }

    zones = CONFIG.slide(zones.appended(1), false);

    assertEquals(new TokenZones(4, 54, 60), zones);
    assertEquals(new TokenZones(4, 54, 61), CONFIG.slide(zones.appended(1), false));
  }

  @Test
  void prompt_slidesAtOnce() {
    assertEquals(new TokenZones(4, 45, 51),
        CONFIG.slide(new TokenZones(4, 44, 50).appended(1), true));
  }

  @Test
  void zonesOfAnyPromptIntervalAndStep_partitionThePositions_andNeverShrink() {
    for (int prompt = 1; prompt < 40; prompt++) {
      for (int interval = 1; interval < 9; interval++) {
        ParisKvConfig config = new ParisKvConfig(prompt % 4, 1 + prompt % 5, interval,
            prompt % 3 * 10, BUDGET);
        TokenZones zones = config.slide(TokenZones.dense(0).appended(prompt), true);
        for (int step = 0; step < 50; step++) {
          TokenZones next = config.slide(zones.appended(1), false);
          assertEquals(prompt + step + 1, next.retrievalTokens() + next.residentTokens());
          assertEquals(true, next.recentStart() >= zones.recentStart());
          if (next.retrievalTokens() > 0) {
            int recent = next.length() - next.recentStart();
            assertEquals(config.sink(), next.sinkEnd());
            assertEquals(true, recent >= config.local() && recent < config.local() + interval,
                () -> config + ": " + recent);
          }
          zones = next;
        }
      }
    }
  }

  @Test
  void sharp_hasTheZonesOfPaper_andFewerCandidatesOfScores() {
    ParisKvConfig sharp = ParisKvConfig.preset("sharp");
    RetrievalBudget budget = new RetrievalBudget(100, null, null, Candidates.GEOMETRIC_MEAN);
    assertEquals(new ParisKvConfig(64, 256, 512, 2_000, budget, Coarse.SCORES, Grouping.MEAN),
        sharp);
    assertEquals(448, sharp.budget().candidates(2_000));
    assertEquals(3_621, sharp.budget().candidates(131_072));
    assertEquals(Coarse.SCORES, sharp.withBudget(BUDGET).coarse());
  }

  @Test
  void presets_areThePublishedNumbers() {
    assertEquals(new ParisKvConfig(64, 256, 512, 2_000, BUDGET), ParisKvConfig.preset("paper"));
    assertEquals(new ParisKvConfig(64, 256, 512, 2_000, new RetrievalBudget(2_048, null, null)),
        ParisKvConfig.preset("ruler"));
    assertEquals(new ParisKvConfig(64, 128, 512, 2_000, new RetrievalBudget(100, 0.12, 0.30)),
        ParisKvConfig.preset("gpqa"));
    assertEquals(new ParisKvConfig(128, 512, 512, 2_000, BUDGET),
        ParisKvConfig.preset("throughput"));
    assertRefused(InputException.class, () -> ParisKvConfig.preset("fast"), "fast", "paper",
        "sharp", "ruler", "gpqa", "throughput");
  }

  @Test
  void impossibleSettings_areRefusedWithBothNumbers() {
    assertRefused(InputException.class, () -> new ParisKvConfig(-1, 1, 1, 0, BUDGET), "sink -1",
        "at least 0");
    assertRefused(InputException.class, () -> new ParisKvConfig(0, 0, 1, 0, BUDGET),
        "local 0", "at least 1");
    assertRefused(InputException.class, () -> new ParisKvConfig(0, 1, 0, 0, BUDGET),
        "update-interval 0", "at least 1");
    assertRefused(InputException.class, () -> new ParisKvConfig(0, 1, 1, -5, BUDGET),
        "dense-below -5", "at least 0");
  }
}
