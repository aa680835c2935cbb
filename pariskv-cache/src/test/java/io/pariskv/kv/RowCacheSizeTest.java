package io.pariskv.kv;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.error.InputException;
import org.junit.jupiter.api.Test;

class RowCacheSizeTest {

  @Test
  void auto_isTwiceWhatAStepSelects_whereThatPaysAndIsPossible() {
    RowCacheSize auto = RowCacheSize.parse("auto");
    assertEquals(4_096, auto.rows(KvPlacement.HOST, 2_048, RowCacheSize.MOST));
    assertEquals(1_024, auto.rows(KvPlacement.HOST, 512, RowCacheSize.MOST));
    assertEquals(16_384, auto.rows(KvPlacement.HOST, 10_000, RowCacheSize.MOST));
    assertEquals(0, auto.rows(KvPlacement.HOST, 511, RowCacheSize.MOST));
    assertEquals(0, auto.rows(KvPlacement.HOST, 16_385, RowCacheSize.MOST));
    assertEquals(0, auto.rows(KvPlacement.HOST, 0, RowCacheSize.MOST));
    assertEquals(0, auto.rows(KvPlacement.DEVICE, 2_048, RowCacheSize.MOST));
  }

  @Test
  void rows_areThoseAskedFor_ifAStepsKeysFit() {
    RowCacheSize hundred = RowCacheSize.parse("100");
    assertEquals(100, hundred.rows(KvPlacement.HOST, 100, RowCacheSize.MOST));
    assertEquals(0, hundred.rows(KvPlacement.DEVICE, 100, RowCacheSize.MOST));
    assertEquals(0, hundred.rows(KvPlacement.HOST, 0, RowCacheSize.MOST),
        "a method that selects nothing");
    assertRefused(InputException.class,
        () -> hundred.rows(KvPlacement.HOST, 101, RowCacheSize.MOST),
        "row-cache 100", "101", "off");
    assertEquals(0, RowCacheSize.parse("off").rows(KvPlacement.HOST, 2_048, RowCacheSize.MOST));
  }

  @Test
  void aBackendThatCanHaveFewer_hasAsManyByItself_andRefusesMore() {
    RowCacheSize auto = RowCacheSize.AUTO;
    assertEquals(4_096, auto.rows(KvPlacement.HOST, 2_048, 10_271));
    assertEquals(10_271, auto.rows(KvPlacement.HOST, 8_000, 10_271));
    assertEquals(0, auto.rows(KvPlacement.HOST, 10_272, 10_271));
    RowCacheSize many = RowCacheSize.parse("10272");
    assertEquals(10_272, many.rows(KvPlacement.HOST, 2_048, 10_272));
    assertRefused(InputException.class, () -> many.rows(KvPlacement.HOST, 2_048, 10_271),
        "row-cache 10272", "10271", "at most as many, auto or off");
    assertRefused(InputException.class, () -> many.rows(KvPlacement.HOST, 10_272, 10_271),
        "row-cache 10272", "10271", "give off");
    assertEquals(0, many.rows(KvPlacement.DEVICE, 2_048, 10_271));
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
