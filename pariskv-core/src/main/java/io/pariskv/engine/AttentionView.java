package io.pariskv.engine;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a request attends, for those who ask: the engine's thread looks only if somebody waits for it, and at most some
 * times a second, since it has to wait for the backend to do so. Thread-safe.
 */
final class AttentionView {
  private static final long LEAST_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private ContextAttention latest;
  /** How often the engine's thread has looked. */
  private long looks;
  private long lookedAt;
  private boolean ended;
  /** Whether somebody waits. The engine's thread reads it every turn, and takes no lock for that. */
  private volatile boolean wanted;

  /** @param first as of now */
  AttentionView(ContextAttention first) {
    this.latest = first;
  }

  /** How things are now; or were when the engine's thread looked last, if it does not come to look in so long. */
  ContextAttention await(Duration atMost) {
    lock.lock();
    try {
      long before = looks;
      long left = atMost.toNanos();
      wanted = !ended;
      while (!ended && looks == before && left > 0) {
        left = changed.awaitNanos(left);
      }
      return latest;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return latest;
    } finally {
      lock.unlock();
    }
  }

  /** Looks, if somebody waits for it. On the engine's thread. */
  void update(Supplier<ContextAttention> now) {
    long time = System.nanoTime();
    if (wanted && (looks == 0 || time - lookedAt >= LEAST_NANOS)) {
      lookedAt = time;
      show(now.get(), false);
    }
  }

  /** The request has ended; so it was at last, or as it was last seen. On the engine's thread. */
  void end(@Nullable ContextAttention last) {
    show(last == null ? latest.ended() : last.ended(), true);
  }

  private void show(ContextAttention now, boolean last) {
    lock.lock();
    try {
      latest = now;
      ended = last;
      looks++;
      wanted = false;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
