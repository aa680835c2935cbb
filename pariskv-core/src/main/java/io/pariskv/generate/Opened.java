package io.pariskv.generate;

import java.util.ArrayDeque;
import java.util.Deque;

/** Closes what was opened, last first, unless it was handed over: nothing half-done. */
final class Opened {
  private final Deque<AutoCloseable> resources = new ArrayDeque<>();

  <T extends AutoCloseable> T keep(T resource) {
    resources.push(resource);
    return resource;
  }

  void handOver() {
    resources.clear();
  }

  void close() {
    for (AutoCloseable resource : resources) {
      try {
        resource.close();
      } catch (Exception e) {
        throw new IllegalStateException("could not close " + resource, e);
      }
    }
  }
}
