package io.pariskv.backend.vector;

/** Cuts element-wise work into tasks that are worth a thread's while. */
final class Ranges {
  /** Numbers that take about as long as waking a worker. */
  private static final long GRAIN = 1 << 14;

  /** Work on {@code [from, to)}. */
  @FunctionalInterface
  interface Body {
    /** Does it. */
    void run(int from, int to);
  }

  private Ranges() {
  }

  /**
   * Runs {@code body} over {@code [0, items)} in parallel, or at once if it is little.
   *
   * @param numbers how many numbers one item has
   */
  static void run(Workers workers, int items, long numbers, Body body) {
    long wanted = Math.min(items * numbers / GRAIN, 4L * workers.count());
    int tasks = Math.clamp(wanted, 1, Math.max(1, items));
    if (tasks == 1) {
      body.run(0, items);
    } else {
      workers.run(tasks,
          task -> body.run(bound(items, task, tasks), bound(items, task + 1, tasks)));
    }
  }

  /** Where task {@code task} of {@code tasks} begins. */
  static int bound(int items, int task, int tasks) {
    return (int) ((long) items * task / tasks);
  }
}
