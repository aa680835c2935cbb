package io.pariskv.backend.cuda;

import java.lang.foreign.MemorySegment;

/**
 * Work of a GPU in the order it was given. Every method but {@link #synchronize} returns before the work is
 * done. Between two streams only a {@link CudaEvent} keeps an order.
 */
final class CudaStream extends CudaResource {
  /** Does not wait for the legacy default stream, which others in the process may use. */
  private static final int NON_BLOCKING = 1;

  private final long handle;
  private volatile boolean endsOverlapped; // memory may be cleared by any thread

  private CudaStream(CudaContext context, long handle) {
    super(context);
    this.handle = handle;
  }

  /** A new stream; the caller closes it. */
  static CudaStream open(CudaContext context) {
    return new CudaStream(context, context.driver().cuStreamCreate(NON_BLOCKING));
  }

  /** The driver's handle. */
  long handle() {
    requireOpen("used");
    return handle;
  }

  /** Whether the work given last is an {@linkplain KernelLaunch#overlapped overlapped} kernel. */
  boolean endsOverlapped() {
    return endsOverlapped;
  }

  /** Notes that such a kernel was given: if the next is one too, it need not wait for the end of this. */
  void gaveOverlapped() {
    endsOverlapped = true;
  }

  /** Notes that other work was given: the next kernel waits for the end of it. */
  void gaveOther() {
    endsOverlapped = false;
  }

  /** Waits until all work given so far is done. */
  void synchronize() {
    CudaDriver driver = driver();
    context().requireNotCapturing("wait for the GPU");
    driver.cuStreamSynchronize(handle);
  }

  /** Later work of this stream starts when {@code event} is reached. */
  void waitFor(CudaEvent event) {
    driver().cuStreamWaitEvent(handle, event.handle(), 0);
    gaveOther();
  }

  /** Fills device memory with one byte. */
  void fill(long target, byte value, long bytes) {
    driver().cuMemsetD8Async(target, value, bytes, handle);
    gaveOther();
  }

  /** Copies to the device all of {@code source}, which must be page-locked and stay as it is until then. */
  void copyToDevice(long target, MemorySegment source) {
    driver().cuMemcpyHtoDAsync(target, source, source.byteSize(), handle);
    gaveOther();
  }

  /** Copies from the device as many bytes as {@code target}, page-locked memory, has. */
  void copyToHost(MemorySegment target, long source) {
    driver().cuMemcpyDtoHAsync(target, source, target.byteSize(), handle);
    gaveOther();
  }

  /** Copies between any two addresses that the device sees, pinned host memory included. */
  void copy(long target, long source, long bytes) {
    driver().cuMemcpyDtoDAsync(target, source, bytes, handle);
    gaveOther();
  }

  @Override
  void free(CudaDriver driver) {
    Failures failures = new Failures();
    failures.attempt(() -> driver.cuStreamSynchronize(handle)); // nobody could wait for its work any more
    failures.attempt(() -> driver.cuStreamDestroy(handle));
    failures.throwFirst();
  }

  @Override
  public String toString() {
    return "CUDA stream";
  }
}
