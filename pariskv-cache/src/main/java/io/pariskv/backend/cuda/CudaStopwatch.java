package io.pariskv.backend.cuda;

import io.pariskv.backend.Stopwatch;

/** Two events of the backend's stream. */
final class CudaStopwatch implements Stopwatch {
  private final CudaStream stream;
  private final CudaEvent start;
  private final CudaEvent stop;
  private boolean started;
  private boolean stopped;

  /** The caller closes it; so does the context. */
  CudaStopwatch(CudaStream stream) {
    this.stream = stream;
    this.start = CudaEvent.timed(stream.context());
    try {
      this.stop = CudaEvent.timed(stream.context());
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, start::close);
      throw e;
    }
  }

  @Override
  public void start() {
    requireNotRecording();
    start.record(stream);
    started = true;
    stopped = false;
  }

  @Override
  public void stop() {
    requireNotRecording();
    if (!started) {
      throw new IllegalStateException("a stopwatch is stopped that was not started");
    }
    stop.record(stream);
    stopped = true;
  }

  private void requireNotRecording() {
    stream.context().requireNotRecording("start or stop a stopwatch");
  }

  @Override
  public double milliseconds() {
    if (!stopped) {
      throw new IllegalStateException("a stopwatch is read that was not started and stopped");
    }
    stop.synchronize();
    return stop.millisecondsSince(start);
  }

  @Override
  public void close() {
    Failures failures = new Failures();
    failures.attempt(stop::close);
    failures.attempt(start::close);
    failures.throwFirst();
  }
}
