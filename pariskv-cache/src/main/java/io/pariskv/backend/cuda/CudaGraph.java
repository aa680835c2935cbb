package io.pariskv.backend.cuda;

/**
 * Launches and copies recorded from a stream, run again by one call. Addresses and arguments are those of
 * the recording; what changes from run to run is read by kernels from device memory.
 */
final class CudaGraph extends CudaResource {
  /** Threads of other contexts may allocate meanwhile. */
  private static final int THREAD_LOCAL = 1;

  private final CudaStream stream;
  private final long executable;

  private CudaGraph(CudaStream stream, long executable) {
    super(stream.context());
    this.stream = stream;
    this.executable = executable;
  }

  /**
   * Records what {@code body} gives to {@code stream}, without running it. Another stream joins the graph
   * by waiting for an event recorded on this one, and must be joined back before the end. The caller
   * closes the graph.
   *
   * @throws SpoiledRecordingException if another thread ended the recording, or cuBLASLt failed in it
   */
  static CudaGraph capture(CudaStream stream, Runnable body) {
    CudaDriver driver = stream.driver();
    long graph = Recordings.recording(
        () -> stream.context().capturing(() -> record(driver, stream, body)));
    long executable;
    try {
      executable = driver.cuGraphInstantiateWithFlags(graph, 0);
    } catch (CudaException e) {
      Failures.suppressing(e, () -> driver.cuGraphDestroy(graph));
      throw e;
    }
    try {
      driver.cuGraphDestroy(graph); // the executable does not need it
    } catch (CudaException e) {
      Failures.suppressing(e, () -> driver.cuGraphExecDestroy(executable));
      throw e;
    }
    return new CudaGraph(stream, executable);
  }

  private static long record(CudaDriver driver, CudaStream stream, Runnable body) {
    driver.cuStreamBeginCapture(stream.handle(), THREAD_LOCAL);
    stream.gaveOther(); // the first kernel of a graph has none before it
    try {
      body.run();
    } catch (CudaException e) {
      abandon(driver, stream, e);
      throw told(e);
    } catch (Throwable e) { // whatever it was, the stream must not stay in capture
      abandon(driver, stream, e);
      throw e;
    }
    stream.gaveOther();
    try {
      return driver.cuStreamEndCapture(stream.handle());
    } catch (CudaException e) {
      throw told(e);
    }
  }

  private static void abandon(CudaDriver driver, CudaStream stream, Throwable failure) {
    stream.gaveOther();
    Failures.suppressing(failure, () -> {
      long unfinished = driver.cuStreamEndCapture(stream.handle());
      if (unfinished != 0) {
        driver.cuGraphDestroy(unfinished);
      }
    });
  }

  /**
   * The failure, or that the recording was spoiled, and the body may be as it should be. A call of our own that a recording
   * cannot hold has a code of its own. cuBLASLt does not tell why it failed: if it fails by itself, it does so again when the
   * body runs.
   */
  private static RuntimeException told(CudaException failure) {
    return failure.code() == CudaException.CAPTURE_INVALIDATED || failure.isOfCublas()
        ? new SpoiledRecordingException(failure)
        : failure;
  }

  /** Runs it, in stream order. */
  void launch() {
    driver().cuGraphLaunch(executable, stream.handle());
    stream.gaveOther();
  }

  @Override
  void free(CudaDriver driver) {
    driver.cuGraphExecDestroy(executable);
  }

  @Override
  public String toString() {
    return "CUDA graph";
  }
}
