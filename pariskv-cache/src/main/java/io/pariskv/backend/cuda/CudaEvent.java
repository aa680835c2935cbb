package io.pariskv.backend.cuda;

/** A point in the work of a stream, for other streams or the host to wait for, or to time. */
final class CudaEvent extends CudaResource {
  private static final int DEFAULT = 0;
  private static final int DISABLE_TIMING = 2;

  private final long handle;

  private CudaEvent(CudaContext context, long handle) {
    super(context);
    this.handle = handle;
  }

  /** An event to wait for; the caller closes it. */
  static CudaEvent open(CudaContext context) {
    return new CudaEvent(context, context.driver().cuEventCreate(DISABLE_TIMING));
  }

  /** An event that also notes the time, which costs the GPU a little more; the caller closes it. */
  static CudaEvent timed(CudaContext context) {
    return new CudaEvent(context, context.driver().cuEventCreate(DEFAULT));
  }

  /** The driver's handle. */
  long handle() {
    requireOpen("used");
    return handle;
  }

  /** Moves the event to behind all work that {@code stream} has now. */
  void record(CudaStream stream) {
    driver().cuEventRecord(handle, stream.handle());
    stream.gaveOther();
  }

  /** Waits until the event is reached; at once if it was never recorded. */
  void synchronize() {
    CudaDriver driver = driver();
    context().requireNotCapturing("wait for the GPU");
    driver.cuEventSynchronize(handle);
  }

  /** Time from {@code start} to this event; both timed and reached. */
  float millisecondsSince(CudaEvent start) {
    return driver().cuEventElapsedTime(start.handle(), handle);
  }

  @Override
  void free(CudaDriver driver) {
    driver.cuEventDestroy(handle);
  }

  @Override
  public String toString() {
    return "CUDA event";
  }
}
