package io.pariskv.backend.cuda;

import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongSupplier;

/**
 * Keeps recordings of steps apart from calls that wait for the whole GPU, among all backends of the process. If any thread
 * makes such a call while a step is being recorded, CUDA spoils the recording and fails the call, whatever the streams.
 * Recordings do not exclude one another. Others in the process, such as another library that uses the GPU, do not ask here:
 * {@link SpoiledRecordingException}.
 */
final class Recordings {
  private static final ReentrantReadWriteLock LOCK = new ReentrantReadWriteLock();

  private Recordings() {
  }

  /** Records, when nobody waits for the whole GPU. */
  static long recording(LongSupplier record) {
    LOCK.readLock().lock();
    try {
      return record.getAsLong();
    } finally {
      LOCK.readLock().unlock();
    }
  }

  /** Whether this thread is in {@link #apart}. */
  static boolean isApart() {
    return LOCK.isWriteLockedByCurrentThread();
  }

  /**
   * Makes a call that waits, or may wait, for the whole GPU, when nobody records.
   *
   * @throws IllegalStateException if this thread is recording: it would wait for itself
   */
  static void apart(Runnable call) {
    if (LOCK.getReadHoldCount() > 0) {
      throw new IllegalStateException(
          "cannot wait for the whole GPU while a step is being recorded; do it before the step");
    }
    LOCK.writeLock().lock();
    try {
      call.run();
    } finally {
      LOCK.writeLock().unlock();
    }
  }
}
