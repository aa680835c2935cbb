package io.pariskv.app.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.kv.TokenZones;
import io.pariskv.method.PqBudget;
import io.pariskv.method.ZoneSettings;
import org.junit.jupiter.api.Test;

/** What {@link CompareBench} computes beside its times. */
class CompareBenchTest {
  /** What a GPU keeps with K and V in host memory: the first 128 tokens and the last 2,048. */
  private static final int NEAR = 2_176;

  @Test
  void windowThatIsLongerThanWhatStaysNear_comesOverTheBus() {
    TokenZones dense = TokenZones.dense(1_048_576);
    int released = PqBudget.Share.released().slide(dense, true).appended(1).residentTokens();
    int matched = ZoneSettings.matched().slide(dense, true).appended(1).residentTokens();

    assertEquals(32 + 52_427 + 1, released);
    assertEquals(released - NEAR, CompareBench.beyond(released, NEAR));
    assertEquals(0, CompareBench.beyond(matched, NEAR));
    assertEquals(0, CompareBench.beyond(released, Integer.MAX_VALUE));
  }
}
