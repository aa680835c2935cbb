package io.pariskv.app.cli;

import io.pariskv.eval.run.Evaluation;
import io.pariskv.eval.run.PromptEncoder;
import io.pariskv.generate.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/** Runs an evaluation in several threads. */
final class EvalJobs {
  private EvalJobs() {
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
    List<Future<?>> others = new ArrayList<>();
    try (ExecutorService threads = Executors.newCachedThreadPool()) { // waits for them in the end
      for (int job = 1; job < jobs; job++) {
        others.add(threads.submit(() -> endingAll(evaluation, () -> {
          try (LanguageModel model = load.get()) {
            evaluation.run(new PromptEncoder(model, first.raw()));
          }
        })));
      }
      endingAll(evaluation, () -> evaluation.run(first));
    }
    others.forEach(EvalJobs::requireDone);
  }

  private static void endingAll(Evaluation evaluation, Runnable part) {
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
