package io.pariskv.generate;

import io.pariskv.attention.HeadTurn;
import io.pariskv.cache.Rows;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import java.util.function.BooleanSupplier;

/**
 * The rows of a pass that can be given up between layers. A chunk of a long prompt takes seconds; who asks for its end
 * should not wait for it.
 *
 * @param rows what it is about
 * @param stop whether to give up; on a GPU it first waits for the layers before, or it would be asked long before they
 *     are computed
 */
record StoppableRows(Rows rows, BooleanSupplier stop) implements Rows {
  /** Layers from one question to the next: waiting costs a GPU some microseconds in which it has nothing to do. */
  private static final int LAYERS = 4;

  /** A pass was given up; the sequence is as before. */
  static final class GivenUp extends RuntimeException {
    private static final long serialVersionUID = 1;

    GivenUp() {
      super("the pass was given up", null, false, false);
    }
  }

  @Override
  public Batch batch() {
    return rows.batch();
  }

  @Override
  public void begin() {
    rows.begin();
  }

  @Override
  public void prepare(int layer, HeadTurn turn, Buffer q, Buffer k, Buffer v) {
    if (layer % LAYERS == LAYERS - 1 && stop.getAsBoolean()) {
      throw new GivenUp();
    }
    rows.prepare(layer, turn, q, k, v);
  }

  @Override
  public void append(int layer, Buffer k, Buffer v) {
    rows.append(layer, k, v);
  }

  @Override
  public void attend(int layer, Buffer q, Buffer out) {
    rows.attend(layer, q, out);
  }

  @Override
  public void commit() {
    rows.commit();
  }

  @Override
  public void close() {
    rows.close();
  }
}
