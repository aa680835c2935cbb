package io.pariskv.method;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.kv.TokenZones;
import org.junit.jupiter.api.Test;

class ZoneSettingsTest {
  /** Sink 4, local 6, interval 10, dense below 50. */
  private static final ZoneSettings ZONES = new ZoneSettings(4, 6, 10, 50);

  @Test
  void belowTheThreshold_everythingIsAttended() {
    assertEquals(TokenZones.dense(49), ZONES.slide(TokenZones.dense(49), true));
    assertEquals(TokenZones.dense(49), ZONES.slide(TokenZones.dense(49), false));
  }

  @Test
  void atTheThreshold_theZoneOpens_inPrefillAndWhileDecoding() {
    assertEquals(new TokenZones(4, 44, 50), ZONES.slide(TokenZones.dense(50), true));
    assertEquals(new TokenZones(4, 44, 50), ZONES.slide(TokenZones.dense(50), false));
  }

  @Test
  void whileDecoding_theWindowSlidesExactlyWhenTheBufferIsFull() {
    TokenZones zones = new TokenZones(4, 44, 50);
    for (int step = 1; step < 10; step++) {
      zones = ZONES.slide(zones.appended(1), false);
      assertEquals(new TokenZones(4, 44, 50 + step), zones);
    }

    zones = ZONES.slide(zones.appended(1), false);

    assertEquals(new TokenZones(4, 54, 60), zones);
    assertEquals(new TokenZones(4, 54, 61), ZONES.slide(zones.appended(1), false));
  }

  @Test
  void prompt_slidesAtOnce() {
    assertEquals(new TokenZones(4, 45, 51),
        ZONES.slide(new TokenZones(4, 44, 50).appended(1), true));
  }

  @Test
  void zonesOfAnyPromptIntervalAndStep_partitionThePositions_andNeverShrink() {
    for (int prompt = 1; prompt < 40; prompt++) {
      for (int interval = 1; interval < 9; interval++) {
        ZoneSettings settings = new ZoneSettings(prompt % 4, 1 + prompt % 5, interval,
            prompt % 3 * 10);
        TokenZones zones = settings.slide(TokenZones.dense(0).appended(prompt), true);
        for (int step = 0; step < 50; step++) {
          TokenZones next = settings.slide(zones.appended(1), false);
          assertEquals(prompt + step + 1, next.retrievalTokens() + next.residentTokens());
          assertEquals(true, next.recentStart() >= zones.recentStart());
          if (next.retrievalTokens() > 0) {
            int recent = next.length() - next.recentStart();
            assertEquals(settings.sink(), next.sinkEnd());
            assertEquals(true, recent >= settings.local() && recent < settings.local() + interval,
                () -> settings + ": " + recent);
          }
          zones = next;
        }
      }
    }
  }
}
