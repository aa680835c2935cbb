package io.pariskv.kv;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.error.InputException;
import org.junit.jupiter.api.Test;

class RowCacheSizeTest {

  @Test
  void auto_isTwiceWhatAStepSelects_whereThatPaysAndIsPossible() {
    RowCacheSize auto = RowCacheSize.parse("auto");
    assertEquals(4_096, auto.rows(KvPlacement.HOST, 2_048));
    assertEquals(1_024, auto.rows(KvPlacement.HOST, 512));
    assertEquals(16_384, auto.rows(KvPlacement.HOST, 10_000));
    assertEquals(0, auto.rows(KvPlacement.HOST, 511));
    assertEquals(0, auto.rows(KvPlacement.HOST, 16_385));
    assertEquals(0, auto.rows(KvPlacement.HOST, 0));
    assertEquals(0, auto.rows(KvPlacement.DEVICE, 2_048));
  }

  @Test
  void rows_areThoseAskedFor_ifAStepsKeysFit() {
    RowCacheSize hundred = RowCacheSize.parse("100");
    assertEquals(100, hundred.rows(KvPlacement.HOST, 100));
    assertEquals(0, hundred.rows(KvPlacement.DEVICE, 100));
    assertEquals(0, hundred.rows(KvPlacement.HOST, 0), "a method that selects nothing");
    assertRefused(InputException.class, () -> hundred.rows(KvPlacement.HOST, 101),
        "row-cache 100", "101", "off");
    assertEquals(0, RowCacheSize.parse("off").rows(KvPlacement.HOST, 2_048));
  }

  @Test
  void whatIsWritten_isReadBack_andNonsenseIsRefused() {
    for (String text : new String[]{"auto", "off", "1", "16384"}) {
      assertEquals(text, RowCacheSize.parse(text).toString());
    }
    assertRefused(InputException.class, () -> RowCacheSize.parse("16385"), "16385", "16384");
    assertRefused(InputException.class, () -> RowCacheSize.parse("-1"), "row-cache -1");
    assertRefused(InputException.class, () -> RowCacheSize.parse("many"), "'many'", "auto");
  }
}
