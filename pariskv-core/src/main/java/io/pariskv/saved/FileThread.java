package io.pariskv.saved;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** A thread that waits for a disk, so that another need not. */
final class FileThread implements AutoCloseable {
  private final ExecutorService executor = Executors.newSingleThreadExecutor(
      Thread.ofPlatform().daemon().name("cache-file").factory());

  <T> Future<T> submit(Callable<T> work) {
    return executor.submit(work);
  }

  /**
   * What the work gave, or null if it is not done after so long.
   *
   * @throws RuntimeException what the work threw
   */
  static <T> @Nullable T await(Future<T> work, Duration atMost) {
    try {
      return work.get(atMost.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      return null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (CancellationException) new CancellationException("interrupted").initCause(e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException failure -> throw failure;
        case Error failure -> throw failure;
        case null, default -> throw new IllegalStateException("a file could not be used", e);
      }
    }
  }

  /** Ends the thread after what it is doing; what it has not begun it does not do. */
  @Override
  public void close() {
    executor.shutdownNow();
    executor.close();
  }
}
