package io.pariskv.generate;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Step;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The decode steps of one sequence, one after another: recorded once, run for every token. */
final class DecodeLoop implements AutoCloseable {
  private final Backend backend;
  private final DecodeBatch rows;
  private final Consumer<DecodeBatch> body;
  private @Nullable Step recorded;
  private long version;

  /** @param body what a step does, between {@code begin} and {@code commit} */
  DecodeLoop(Backend backend, KvCache cache, Consumer<DecodeBatch> body) {
    this.backend = backend;
    this.rows = cache.step();
    this.body = body;
  }

  /** Runs one step in stream order; {@link #commit} follows. */
  void run() {
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

  /** The step's token is part of the sequence. */
  void commit() {
    rows.commit();
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
