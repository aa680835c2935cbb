package io.pariskv.backend.vector;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Runs the tasks of one stage on all cores and waits for them: a parallel loop whose start and end cost
 * microseconds, because a decode step has hundreds.
 *
 * <p>The calling thread works too. Idle workers spin for a short while, so that the next stage of the
 * same step finds them awake, then park. One driving thread at a time.
 */
final class Workers implements AutoCloseable {
  /** Spins before an idle worker parks, some tens of microseconds. */
  private static final int SPINS = 1 << 12;

  /** The tasks of one stage. */
  @FunctionalInterface
  interface Body {
    /** Runs task {@code task}; tasks of one loop run at the same time on different threads. */
    void run(int task);
  }

  /** One parallel loop. Its counters are its own, so a worker that comes late can do no harm. */
  private static final class Loop {
    final Body body;
    final int tasks;
    final AtomicInteger next = new AtomicInteger();
    final AtomicInteger done = new AtomicInteger();
    volatile @Nullable Throwable failure;

    Loop(Body body, int tasks) {
      this.body = body;
      this.tasks = tasks;
    }

    void work() {
      for (int task = next.getAndIncrement(); task < tasks; task = next.getAndIncrement()) {
        try {
          body.run(task);
        } catch (Throwable e) { // carried to the caller, whatever it is
          failure = e;
        } finally {
          done.incrementAndGet();
        }
      }
    }
  }

  private final List<Thread> threads = new ArrayList<>();
  private volatile @Nullable Loop current;
  private volatile boolean closed;

  /** Workers for {@code count} threads, the caller included. */
  Workers(int count) {
    for (int i = 1; i < count; i++) {
      Thread thread = Thread.ofPlatform().daemon().name("pariskv-worker-" + i)
          .unstarted(this::serve);
      threads.add(thread);
    }
    threads.forEach(Thread::start);
  }

  /** Threads that run tasks, the caller included. */
  int count() {
    return threads.size() + 1;
  }

  /**
   * Runs {@code body} for tasks 0 to {@code tasks - 1} and returns when all are done.
   *
   * @throws IllegalStateException with the cause if a task failed; the others have run
   */
  void run(int tasks, Body body) {
    if (closed) {
      throw new IllegalStateException("the backend is closed");
    }
    Loop loop = new Loop(body, tasks);
    if (tasks > 1 && !threads.isEmpty()) {
      current = loop;
      threads.forEach(LockSupport::unpark);
    }
    loop.work();
    while (loop.done.get() < tasks) {
      Thread.onSpinWait();
    }
    current = null;
    Throwable failure = loop.failure;
    if (failure instanceof Error error) {
      throw error;
    }
    if (failure != null) {
      throw new IllegalStateException("a stage failed: " + failure.getMessage(), failure);
    }
  }

  private void serve() {
    @Nullable
    Loop last = null;
    while (!closed) {
      Loop loop = awaitOtherThan(last);
      if (loop != null) {
        loop.work();
        last = loop;
      }
    }
  }

  private @Nullable Loop awaitOtherThan(@Nullable Loop last) {
    for (int spin = 0; spin < SPINS; spin++) {
      Loop loop = current;
      if (loop != null && loop != last) {
        return loop;
      }
      Thread.onSpinWait();
    }
    LockSupport.park(this);
    return null;
  }

  @Override
  public void close() {
    closed = true;
    threads.forEach(LockSupport::unpark);
  }
}
