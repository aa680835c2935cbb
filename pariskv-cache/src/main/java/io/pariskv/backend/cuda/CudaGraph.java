package io.pariskv.backend.cuda;

/**
 * Launches and copies recorded from a stream, run again by one call. Addresses and arguments are those of
 * the recording; what changes from run to run is read by kernels from device memory.
 */
final class CudaGraph extends CudaResource {
  /** Other threads may allocate meanwhile, this one may not. */
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
   * @throws SpoiledRecordingException if another thread ended the recording
   */
  static CudaGraph capture(CudaStream stream, Runnable body) {
    CudaDriver driver = stream.driver();
    long graph = Recordings.recording(() -> record(driver, stream, body));
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
      stream.context().recording(true, body);
    } catch (CudaException e) {
      boolean invalid = abandon(driver, stream, e);
      throw isSpoiled(e) || invalid && e.isOfCublas() ? new SpoiledRecordingException(e) : e;
    } catch (Throwable e) { // whatever it was, the stream must not stay in capture
      abandon(driver, stream, e);
      throw e;
    }
    stream.gaveOther();
    try {
      return driver.cuStreamEndCapture(stream.handle());
    } catch (CudaException e) {
      throw isSpoiled(e) ? new SpoiledRecordingException(e) : e;
    }
  }

  /** Ends the recording; whether it was invalid by then. */
  private static boolean abandon(CudaDriver driver, CudaStream stream, Throwable failure) {
    stream.gaveOther();
    try {
      long unfinished = driver.cuStreamEndCapture(stream.handle());
      if (unfinished != 0) {
        driver.cuGraphDestroy(unfinished);
      }
      return false;
    } catch (CudaException e) {
      failure.addSuppressed(e);
      return isSpoiled(e);
    }
  }

  /**
   * Whether another thread ended the recording. A call of our own that a recording cannot hold says so by a code of its own;
   * cuBLASLt does not tell.
   */
  private static boolean isSpoiled(CudaException failure) {
    return failure.code() == CudaException.CAPTURE_INVALIDATED;
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
