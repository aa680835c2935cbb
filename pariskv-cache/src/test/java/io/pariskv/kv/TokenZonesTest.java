package io.pariskv.kv;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class TokenZonesTest {

  @Test
  void everyPosition_isInExactlyOneZone() {
    for (int length = 0; length < 40; length++) {
      for (int sink = 0; sink < 12; sink++) {
        for (int local = 1; local < 12; local++) {
          TokenZones zones = TokenZones.of(length, sink, local);

          assertEquals(length, zones.residentTokens() + zones.retrievalTokens());
          assertTrue(0 <= zones.sinkEnd() && zones.sinkEnd() <= zones.recentStart()
              && zones.recentStart() <= zones.length());
          assertEquals(Math.max(0, length - sink - local), zones.retrievalTokens());
          assertEquals(length, zones.length());
        }
      }
    }
  }

  @Test
  void nothingBetweenSinkAndLocal_isDense() {
    assertEquals(TokenZones.dense(10), TokenZones.of(10, 4, 6));
    assertEquals(new TokenZones(4, 5, 11), TokenZones.of(11, 4, 6));
    assertEquals(TokenZones.dense(10),
        TokenZones.of(10, Integer.MAX_VALUE, Integer.MAX_VALUE));
  }

  @Test
  void appendedTokens_areRecent() {
    TokenZones zones = TokenZones.of(100, 4, 6).appended(3);

    assertEquals(new TokenZones(4, 94, 103), zones);
    assertEquals(90, zones.retrievalTokens());
    assertEquals(13, zones.residentTokens());
    assertThrows(ArithmeticException.class, () -> zones.appended(Integer.MAX_VALUE));
  }

  @Test
  void zonesOutOfOrder_areRefusedWithTheNumbers() {
    assertRefused(IllegalArgumentException.class, () -> new TokenZones(-1, 0, 0), "-1");
    assertRefused(IllegalArgumentException.class, () -> new TokenZones(5, 4, 9), "5", "4", "9");
    assertRefused(IllegalArgumentException.class, () -> new TokenZones(1, 7, 6), "7", "6");
  }
}
