package io.pariskv.eval.run;

import io.pariskv.eval.Models;
import io.pariskv.eval.Task;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Runs of the evaluation on the bundled model, which has room for {@value #CONTEXT} tokens here. */
final class ShortRuns implements AutoCloseable {
  static final int CONTEXT = 1000;

  static final SampleLine.Origin ORIGIN = new SampleLine.Origin("recall-12m", "00", "any", "test");
  static final MethodChoice FULL = new MethodChoice("full", new FullAttention());
  static final MethodChoice WIDE = pariskv("wide", 48);
  static final MethodChoice NARROW = pariskv("narrow", 1);

  private final LanguageModel model = load();

  static MethodChoice pariskv(String label, int k) {
    return new MethodChoice(label,
        new ParisKv(new ParisKvConfig(16, 32, 64, 0, new RetrievalBudget(k, null, null))));
  }

  /** Two samples a cell. */
  static Evaluation.Plan plan(List<Task> tasks, List<Integer> lengths, MethodChoice... methods) {
    return new Evaluation.Plan(tasks.stream().<Workload>map(TaskWorkload::new).toList(), lengths,
        length -> new Compared(List.of(methods), Map.of()), 2, 7);
  }

  static List<SampleLine> samples(List<Line> lines) {
    return lines.stream().filter(SampleLine.class::isInstance).map(SampleLine.class::cast).toList();
  }

  /** The same model once more, for another thread; the caller closes it. */
  static LanguageModel load() {
    return LanguageModel.load(Models.RECALL, LoadOptions.defaults().withContext(CONTEXT));
  }

  PromptEncoder encoder() {
    return new PromptEncoder(model, false);
  }

  static ResultFile open(Path directory, boolean resume) {
    return ResultFile.open(directory, Map.of("seed", "7"), resume);
  }

  /** All lines that {@code directory} has when the run has ended. */
  List<Line> run(Evaluation.Plan plan, Path directory, boolean resume) {
    try (ResultFile file = open(directory, resume)) {
      new Evaluation(plan, file, ORIGIN, Evaluation.Pace.toTheEnd(), line -> {
      }).run(encoder());
      return file.lines();
    }
  }

  @Override
  public void close() {
    model.close();
  }
}
