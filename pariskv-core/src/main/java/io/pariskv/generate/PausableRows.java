package io.pariskv.generate;

import io.pariskv.attention.HeadTurn;
import io.pariskv.cache.Rows;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/** The rows of a pass with pauses between layers. */
final class PausableRows implements Rows {
  private final Rows rows;
  private final Runnable await;
  private final Pause pause;
  /** The layer before which to ask. */
  private int next;

  /**
   * Begins with a pause before the first layer.
   *
   * @param rows what it is about
   * @param await waits for the layers before: on a GPU they would be asked about long before they are computed
   */
  PausableRows(Rows rows, Runnable await, Pause pause) {
    this.rows = rows;
    this.await = await;
    this.pause = pause;
  }

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
    if (layer == next) {
      await.run();
      int more = pause.after(layer);
      if (more == Pause.GIVE_UP) {
        throw new GivenUp();
      }
      next = layer + more;
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
