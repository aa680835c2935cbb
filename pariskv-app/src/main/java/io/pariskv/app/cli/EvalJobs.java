package io.pariskv.app.cli;

import io.pariskv.eval.run.Evaluation;
import io.pariskv.eval.run.PromptEncoder;
import io.pariskv.generate.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/** Runs an evaluation in several threads. */
final class EvalJobs {
  private final Evaluation evaluation;
  private final Supplier<LanguageModel> load;
  /** Models are loaded one after another: each looks at how much memory is free, and must not see half of another. */
  private final ReentrantLock loading = new ReentrantLock();
  /** No sample is answered before all models are loaded, so that all jobs judge by the same what fits. */
  private final CountDownLatch loaded;

  private EvalJobs(Evaluation evaluation, int jobs, Supplier<LanguageModel> load) {
    this.evaluation = evaluation;
    this.load = load;
    this.loaded = new CountDownLatch(jobs - 1);
  }

  /**
   * Runs it to its end. If one thread fails, the others finish their samples, and its failure is thrown.
   *
   * @param jobs threads, this one among them
   * @param first the model of this thread
   * @param load loads the model once more; called by the thread that uses it, as a GPU demands
   */
  static void run(Evaluation evaluation, int jobs, PromptEncoder first,
      Supplier<LanguageModel> load) {
    EvalJobs all = new EvalJobs(evaluation, jobs, load);
    List<Future<?>> others = new ArrayList<>();
    try (ExecutorService threads = Executors.newCachedThreadPool()) { // waits for them in the end
      for (int job = 1; job < jobs; job++) {
        others.add(threads.submit(() -> all.endingAll(() -> all.another(first.raw()))));
      }
      all.endingAll(() -> {
        all.awaitLoaded();
        evaluation.run(first);
      });
    }
    others.forEach(EvalJobs::requireDone);
  }

  private void another(boolean raw) {
    try (LanguageModel model = loadAlone()) {
      awaitLoaded();
      evaluation.run(new PromptEncoder(model, raw));
    }
  }

  private LanguageModel loadAlone() {
    loading.lock();
    try {
      return load.get();
    } finally {
      loading.unlock();
      loaded.countDown(); // also if it failed: the evaluation ends then
    }
  }

  private void awaitLoaded() {
    try {
      loaded.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      evaluation.end();
    }
  }

  private void endingAll(Runnable part) {
    try {
      part.run();
    } catch (RuntimeException | Error e) {
      evaluation.end();
      throw e;
    }
  }

  private static void requireDone(Future<?> job) {
    if (job.state() == Future.State.FAILED) {
      switch (job.exceptionNow()) {
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        case Throwable e -> throw new IllegalStateException("a job ended with " + e, e);
      }
    }
  }
}
