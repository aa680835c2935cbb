package io.pariskv.backend.cuda;

/** Something opened in a context. Used and closed by the driving thread; closing twice does nothing. */
abstract class CudaResource implements AutoCloseable {
  private final CudaContext context;
  private volatile boolean closed;

  /** The caller has opened what this owns; if this throws it must close it again. */
  CudaResource(CudaContext context) {
    this.context = context;
    context.add(this);
  }

  final CudaContext context() {
    return context;
  }

  /**
   * The driver, for a call on what this owns.
   *
   * @throws IllegalStateException if this or the context is closed, or on another than the driving thread
   */
  final CudaDriver driver() {
    requireOpen("used");
    return context.driver();
  }

  final void requireOpen(String verb) {
    if (closed) {
      throw new IllegalStateException("a closed " + this + " is " + verb);
    }
  }

  final boolean isClosed() {
    return closed;
  }

  /** Frees what this owns, all of it even if a part fails. Called once, on the driving thread. */
  abstract void free(CudaDriver driver);

  @Override
  public final void close() {
    if (!closed) {
      CudaDriver driver = context.driver();
      context.requireNotCapturing("close a " + this);
      closed = true;
      context.remove(this);
      free(driver);
    }
  }

  /** What it is, for messages. */
  @Override
  public abstract String toString();
}
