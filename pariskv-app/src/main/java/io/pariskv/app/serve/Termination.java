package io.pariskv.app.serve;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * An orderly end: a signal (SIGTERM, SIGINT) asks for it, and the process ends with code 0 when the work has been closed. The
 * virtual machine itself would end at once, with a code that says that it was killed.
 */
public final class Termination implements AutoCloseable {
  private final CountDownLatch asked = new CountDownLatch(1);
  private final CountDownLatch done = new CountDownLatch(1);
  private volatile boolean clean;

  /** @param atMost how long the end may take before the process ends anyway, with code 1 */
  public Termination(Duration atMost) {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> end(atMost), "termination"));
  }

  private void end(Duration atMost) {
    if (done.getCount() == 0) {
      return; // the program ends by itself, with its own code
    }
    asked.countDown();
    try {
      boolean inTime = done.await(atMost.toNanos(), TimeUnit.NANOSECONDS);
      Runtime.getRuntime().halt(inTime && clean ? 0 : 1);
    } catch (InterruptedException e) {
      Runtime.getRuntime().halt(1);
    }
  }

  /** Waits for a signal. */
  public void await() throws InterruptedException {
    asked.await();
  }

  /** All went well so far. */
  public void succeeded() {
    clean = true;
  }

  /** Everything is closed: a process that was asked to end does so now. */
  @Override
  public void close() {
    done.countDown();
  }
}
