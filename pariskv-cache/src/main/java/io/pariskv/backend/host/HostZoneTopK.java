package io.pariskv.backend.host;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.ZoneTopK;
import java.lang.foreign.ValueLayout;
import java.util.function.IntUnaryOperator;

/** {@link ZoneTopK} where the host can read how many items a slot has. */
public abstract class HostZoneTopK implements ZoneTopK {

  @Override
  public final void select(KvStore kv, Batch batch, Buffer scores, int unit, int most,
      Selection selection) {
    ZoneTopK.require(batch, scores, unit, most, selection);
    select(kv, batch, scores, unit, slot -> most, selection);
  }

  @Override
  public final void select(KvStore kv, Batch batch, Buffer scores, int unit, Buffer most,
      Selection selection) {
    ZoneTopK.require(batch, scores, unit, 0, selection);
    most.require("items of slots", DType.I32, kv.slots());
    int room = selection.capacity() / unit;
    select(kv, batch, scores, unit,
        slot -> Math.min(most.segment().getAtIndex(ValueLayout.JAVA_INT, slot), room), selection);
  }

  /** The same with checked arguments. */
  protected abstract void select(KvStore kv, Batch batch, Buffer scores, int unit,
      IntUnaryOperator most, Selection selection);
}
