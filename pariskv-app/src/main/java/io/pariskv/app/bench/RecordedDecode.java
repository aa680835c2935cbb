package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Step;
import io.pariskv.cache.DecodeBatch;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Decode steps as a generation runs them: recorded once, run again until the batch asks for another. */
final class RecordedDecode implements AutoCloseable {
  private final Backend backend;
  private final DecodeBatch batch;
  private final Consumer<DecodeBatch> body;
  private @Nullable Step step;
  private long recorded;

  /** @param body one step on {@code batch}, which is closed with this */
  RecordedDecode(Backend backend, DecodeBatch batch, Consumer<DecodeBatch> body) {
    this.backend = backend;
    this.batch = batch;
    this.body = body;
  }

  /** Starts a step; it may still run when this returns. */
  void step() {
    long version = batch.prepare();
    if (!batch.recordable()) {
      body.accept(batch);
      return;
    }
    Step current = step;
    if (current == null || version != recorded) {
      end();
      current = backend.record(() -> body.accept(batch));
      step = current;
      recorded = version;
    }
    current.run();
  }

  /** Ends the step: its tokens are part of the sequences. */
  void commit() {
    batch.commit();
  }

  private void end() {
    if (step != null) {
      step.close();
      step = null;
    }
  }

  @Override
  public void close() {
    end();
    batch.close();
  }
}
