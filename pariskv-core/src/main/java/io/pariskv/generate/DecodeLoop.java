package io.pariskv.generate;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Step;
import io.pariskv.cache.DecodeBatch;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The decode steps of some sequences, one after another: recorded once, run for every token. Row {@code i} is that of
 * the {@code i}-th sequence. Made by {@link ModelRunner#decode}. One driving thread.
 */
public final class DecodeLoop implements AutoCloseable {
  private final Backend backend;
  private final List<Sequence> sequences;
  private final DecodeBatch rows;
  private final Consumer<DecodeBatch> body;
  private @Nullable Step recorded;
  private long version;

  /** @param body what a step does, between {@code begin} and {@code commit} */
  DecodeLoop(Backend backend, List<Sequence> sequences, DecodeBatch rows,
      Consumer<DecodeBatch> body) {
    this.backend = backend;
    this.sequences = List.copyOf(sequences);
    this.rows = rows;
    this.body = body;
  }

  /**
   * Runs one step in stream order; {@link #commit} follows. Memory for the new tokens is reserved here.
   *
   * @throws OutOfMemoryError if it cannot be had; all sequences are as before once this is closed
   */
  public void run() {
    long now = rows.prepare();
    if (!rows.recordable()) {
      body.accept(rows);
      return;
    }
    Step step = recorded;
    if (step == null || now != version) {
      forget();
      step = backend.record(() -> body.accept(rows));
      recorded = step;
      version = now;
    }
    step.run();
  }

  /** The tokens that went in are part of their sequences. */
  public void commit(int... inputs) {
    rows.commit();
    for (int row = 0; row < inputs.length; row++) {
      sequences.get(row).appended(inputs, row, row + 1);
    }
  }

  private void forget() {
    if (recorded != null) {
      recorded.close();
      recorded = null;
    }
  }

  @Override
  public void close() {
    try (rows) {
      forget();
    }
  }
}
