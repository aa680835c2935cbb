package io.pariskv.server.http;

import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Ends reads and writes that wait for a client for too long. The JDK's server has no limit of its own for a reply, and a
 * client that does not read would hold its thread, its place and what is queued for it for ever.
 *
 * <p>A thread that waits in a channel is interrupted, which closes the channel: the read or write then fails as if the
 * client had gone.
 */
final class StallWatch implements AutoCloseable {
  private final long stallNanos;
  private final Set<Wait> waits = ConcurrentHashMap.newKeySet();
  private final Thread sweeper;

  /** A read or write. */
  @FunctionalInterface
  interface Transfer<T> {
    T run() throws IOException;
  }

  StallWatch(Duration stall) {
    this.stallNanos = stall.toNanos();
    long period = Math.clamp(stall.toMillis() / 4, 1, 1000);
    this.sweeper = Thread.ofVirtual().name("stall-watch").start(() -> sweep(period));
  }

  /**
   * Runs one read or write that should not take long.
   *
   * @throws ClientGoneException if it fails, or takes too long
   */
  <T> T during(Transfer<T> transfer) throws ClientGoneException {
    Wait wait = new Wait(Thread.currentThread(), System.nanoTime());
    waits.add(wait);
    try {
      return transfer.run();
    } catch (IOException e) {
      throw new ClientGoneException(e);
    } finally {
      waits.remove(wait);
      wait.end();
    }
  }

  private void sweep(long periodMillis) {
    try {
      while (true) {
        Thread.sleep(periodMillis);
        long now = System.nanoTime();
        for (Wait wait : waits) {
          if (now - wait.since > stallNanos) {
            wait.interrupt();
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closed
    }
  }

  @Override
  public void close() {
    sweeper.interrupt();
  }

  /** One transfer; interrupted at most until it ends. */
  private static final class Wait {
    private final Thread thread;
    private final long since;
    private boolean ended;

    Wait(Thread thread, long since) {
      this.thread = thread;
      this.since = since;
    }

    synchronized void interrupt() {
      if (!ended) {
        thread.interrupt();
      }
    }

    /** From here on nobody interrupts; an interrupt that came is for the transfer alone. */
    synchronized void end() {
      ended = true;
      if (Thread.interrupted()) {
        // cleared: the channel is closed, what follows is our own work
      }
    }
  }
}
