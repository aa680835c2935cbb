package io.pariskv.memory;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What was opened so far, to be closed if opening the rest fails: nothing half-done.
 *
 * <pre>{@code
 * Opened opened = new Opened();
 * try {
 *   file = opened.keep(open(path));
 *   memory = opened.keep(new HostAllocator());
 * } catch (RuntimeException | Error e) {
 *   opened.closeAfter(e);
 *   throw e;
 * }
 * }</pre>
 */
public final class Opened {
  private final Deque<AutoCloseable> resources = new ArrayDeque<>();

  /** Nothing yet. */
  public Opened() {
  }

  /** Remembers {@code resource} and returns it. */
  public <T extends AutoCloseable> T keep(T resource) {
    resources.push(resource);
    return resource;
  }

  /** Closes everything, last first; {@code failure} keeps what fails on the way. */
  public void closeAfter(Throwable failure) {
    for (AutoCloseable resource : resources) {
      try {
        resource.close();
      } catch (Exception e) {
        failure.addSuppressed(e);
      }
    }
  }
}
