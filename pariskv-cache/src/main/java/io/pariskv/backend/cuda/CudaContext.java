package io.pariskv.backend.cuda;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * The primary context of one GPU, and the root of everything opened in it: closing it closes what is still
 * open, newest first.
 *
 * <p>One platform thread drives it, at first the one that opened it; {@link #bind} hands it over. Every
 * owner checks that, which costs a comparison. Only allocation may happen on other threads.
 */
final class CudaContext implements AutoCloseable {
  private final CudaDriver driver;
  private final CudaDevice device;
  private final long handle;
  private final Set<CudaResource> open = new LinkedHashSet<>();
  private volatile Thread thread;
  private volatile boolean capturing;
  private boolean recording;
  private volatile boolean closed;

  private CudaContext(CudaDriver driver, CudaDevice device, long handle) {
    this.driver = driver;
    this.device = device;
    this.handle = handle;
    this.thread = Thread.currentThread();
  }

  /**
   * Retains the primary context of {@code device} and makes it current; {@code cuInit} was called.
   *
   * @throws IllegalStateException on a virtual thread
   */
  static CudaContext open(CudaDriver driver, CudaDevice device) {
    requirePlatformThread();
    long handle = driver.cuDevicePrimaryCtxRetain(device.handle());
    try {
      driver.cuCtxSetCurrent(handle);
    } catch (CudaException e) {
      Failures.suppressing(e, () -> driver.cuDevicePrimaryCtxRelease(device.handle()));
      throw e;
    }
    return new CudaContext(driver, device, handle);
  }

  private static void requirePlatformThread() {
    if (Thread.currentThread().isVirtual()) {
      throw new IllegalStateException("a CUDA context belongs to an operating system's thread; "
          + "open and use it on a platform thread, not on a virtual one");
    }
  }

  /** The GPU. */
  CudaDevice device() {
    return device;
  }

  /**
   * The driver, for a call on the driving thread.
   *
   * @throws IllegalStateException if the context is closed or another thread drives it
   */
  CudaDriver driver() {
    if (Thread.currentThread() != thread) {
      throw new IllegalStateException("thread " + Thread.currentThread().getName()
          + " uses a CUDA context that thread " + thread.getName()
          + " drives; call bind() on the new thread when the old one is done");
    }
    return openDriver();
  }

  /**
   * The driver, for memory calls on any thread: the context becomes current in it.
   *
   * @throws IllegalStateException if the context is closed
   */
  CudaDriver driverOnAnyThread() {
    openDriver();
    if (Thread.currentThread() != thread) {
      driver.cuCtxSetCurrent(handle);
    }
    return driver;
  }

  private CudaDriver openDriver() {
    if (closed) {
      throw new IllegalStateException("the CUDA context of " + device.name() + " is closed");
    }
    return driver;
  }

  /** From here on the calling thread drives the context. The thread before must have stopped using it. */
  void bind() {
    requirePlatformThread();
    openDriver().cuCtxSetCurrent(handle);
    thread = Thread.currentThread();
  }

  /** Free and all device memory now. */
  CudaDriver.MemoryInfo memory() {
    return driverOnAnyThread().cuMemGetInfo();
  }

  /**
   * Waits for all work that was given here. Never for the whole primary context: other backends of the process
   * have streams in it, and while one of them records a step, CUDA refuses to wait for all and spoils the recording.
   */
  void await() {
    Failures failures = new Failures();
    for (CudaResource resource : openResources()) {
      if (resource instanceof CudaStream stream) {
        failures.attempt(stream::synchronize);
      }
    }
    failures.throwFirst();
  }

  /** Runs {@code body}, a step that is launched stage by stage: no number may come from the host or go to it meanwhile. */
  void recording(Runnable body) {
    recording(false, () -> {
      body.run();
      return 0;
    });
  }

  /** Runs {@code body}, which captures a step: nor may memory be taken. */
  long capturing(LongSupplier body) {
    return recording(true, body);
  }

  private long recording(boolean capture, LongSupplier body) {
    if (recording) {
      throw new IllegalStateException("a step cannot be recorded inside another");
    }
    recording = true;
    setCapturing(capture);
    try {
      return body.getAsLong();
    } finally {
      recording = false;
      setCapturing(false);
    }
  }

  private synchronized void setCapturing(boolean capture) {
    capturing = capture;
  }

  /**
   * Makes a call on a stream, from any thread: a capture begins before it, and it is refused, or after it.
   *
   * @param what for the message
   */
  synchronized void outsideCapture(String what, Runnable call) {
    requireNotCapturing(what);
    call.run();
  }

  /** Whether a step is in its first run or its capture: numbers of the GPU cannot be read now. */
  boolean isRecording() {
    return recording;
  }

  /** Refuses what a graph cannot hold, such as memory of its own. */
  void requireNotCapturing(String what) {
    if (capturing) {
      throw new IllegalStateException(
          "cannot " + what + " while a step is being recorded; do it before the step");
    }
  }

  /** Refuses what a step cannot do when it runs again. */
  void requireNotRecording(String what) {
    if (recording) {
      throw new IllegalStateException("cannot " + what
          + " inside a recorded step: it would happen once, not in every run; do it before the step");
    }
  }

  synchronized void add(CudaResource resource) {
    openDriver();
    open.add(resource);
  }

  synchronized void remove(CudaResource resource) {
    open.remove(resource);
  }

  /** Whether nothing is open; from then on nothing can be opened. */
  private synchronized boolean closedForNew() {
    closed = open.isEmpty();
    return closed;
  }

  /** What is open, oldest first: empty when every owner closed what it opened. */
  synchronized List<CudaResource> openResources() {
    return List.copyOf(open);
  }

  /**
   * Closes what is open and releases the context. It stays current in the thread, where another backend may
   * use the same primary context; CUDA ends it with the last release. Closing twice does nothing.
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    CudaDriver calls = driver();
    requireNotCapturing("close the CUDA context");
    Failures failures = new Failures();
    while (!closedForNew()) { // another thread may open an allocator meanwhile
      for (CudaResource resource : openResources().reversed()) {
        failures.attempt(resource::close);
      }
    }
    failures.attempt(() -> calls.cuDevicePrimaryCtxRelease(device.handle()));
    failures.throwFirst();
  }
}
