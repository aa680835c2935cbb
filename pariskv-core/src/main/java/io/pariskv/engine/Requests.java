package io.pariskv.engine;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The requests that were accepted and have not ended, and those of them that wait for a place: where the threads that
 * submit meet the engine's. Thread-safe; nobody is told anything under its lock.
 */
final class Requests {
  private final int places;
  private final int maxWaiting;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Request> waiting = new ArrayDeque<>();
  private final Set<Request> open = new LinkedHashSet<>();
  private boolean stopped;
  private @Nullable Throwable failure;

  Requests(int places, int maxWaiting) {
    this.places = places;
    this.maxWaiting = maxWaiting;
  }

  /** Queues a request; those that the places can take do not count as waiting. */
  void add(Request request) {
    lock.lock();
    try {
      if (stopped) {
        throw new EngineStoppedException(failure);
      }
      if (open.size() >= places + maxWaiting) {
        throw new QueueFullException(maxWaiting);
      }
      waiting.addLast(request);
      open.add(request);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  int waiting() {
    lock.lock();
    try {
      return waiting.size();
    } finally {
      lock.unlock();
    }
  }

  /** The one that has waited longest, null if none waits. */
  @Nullable
  Request first() {
    lock.lock();
    try {
      return waiting.peekFirst();
    } finally {
      lock.unlock();
    }
  }

  /** {@link #first} waits no longer. */
  void takeFirst() {
    lock.lock();
    try {
      waiting.removeFirst();
    } finally {
      lock.unlock();
    }
  }

  /** Those that wait and must end; they wait no longer. */
  List<Request> takeOver() {
    lock.lock();
    try {
      List<Request> over = new ArrayList<>(0);
      waiting.removeIf(request -> request.over() != null && over.add(request));
      return over;
    } finally {
      lock.unlock();
    }
  }

  /** The request's listener knows that it has ended. */
  void ended(Request request) {
    lock.lock();
    try {
      open.remove(request);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Waits until there is a request; false if there is none and none can follow. */
  boolean await() {
    lock.lock();
    try {
      while (open.isEmpty() && !stopped) {
        changed.awaitUninterruptibly();
      }
      return !open.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Takes no more. */
  void stop() {
    lock.lock();
    try {
      stopped = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Takes no more, since the engine has failed; returns those that end with it. */
  List<Request> fail(Throwable cause) {
    lock.lock();
    try {
      stopped = true;
      failure = cause;
      waiting.clear();
      return List.copyOf(open);
    } finally {
      lock.unlock();
    }
  }

  void cancelAll() {
    lock.lock();
    try {
      open.forEach(Request::cancel);
    } finally {
      lock.unlock();
    }
  }

  /** Waits until all have ended; false if the time was over before. */
  boolean awaitEnd(Duration atMost) throws InterruptedException {
    lock.lock();
    try {
      long left = TimeUnit.NANOSECONDS.convert(atMost); // no more than fits
      while (!open.isEmpty() && left > 0) {
        left = changed.awaitNanos(left);
      }
      return open.isEmpty();
    } finally {
      lock.unlock();
    }
  }
}
