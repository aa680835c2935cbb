package io.pariskv.eval.run;

import io.pariskv.backend.cuda.CudaException;
import io.pariskv.error.InputException;
import io.pariskv.generate.LanguageModel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One evaluation: every workload at every length through every method, on one loaded model. What the file of results has
 * already is not computed again. A sample that fails counts as wrong; a cell that cannot be run is written down with its
 * reason, and the rest goes on. Ends early only if results cannot be written or the machine fails.
 */
public final class Evaluation {

  /**
   * What to run.
   *
   * @param workloads rows
   * @param lengths most tokens of a sample
   * @param methods what is compared
   * @param samples samples a cell
   * @param seed what makes them
   */
  public record Plan(List<Workload> workloads, List<Integer> lengths, List<MethodChoice> methods,
      int samples, long seed) {

    /** Sorts lengths, so that what is short comes first, and methods, so that full attention does. */
    public Plan {
      workloads = List.copyOf(workloads);
      lengths = lengths.stream().distinct().sorted().toList();
      methods = methods.stream().sorted(Comparator.comparing(each -> !each.isReference()))
          .toList();
    }
  }

  private final Plan plan;
  private final LanguageModel model;
  private final PromptEncoder encoder;
  private final ResultFile file;
  private final SampleLine.Origin origin;
  private final Progress progress;
  /** Cell and id of the samples that are done. */
  private final Set<Map.Entry<Cell, String>> done = new HashSet<>();
  private final Set<Cell> refused = new HashSet<>();
  /** Tokens that full attention wrote, by task, length and id. */
  private final Map<List<Object>, List<Integer>> written = new HashMap<>();

  /**
   * An evaluation, ready to run.
   *
   * @param progress hears a line whenever a sample begins
   */
  public Evaluation(Plan plan, PromptEncoder encoder, ResultFile file, SampleLine.Origin origin,
      Consumer<String> progress) {
    this.plan = plan;
    this.model = encoder.model();
    this.encoder = encoder;
    this.file = file;
    this.origin = origin;
    this.progress = new Progress(progress, System::nanoTime);
    file.lines().forEach(this::remember);
  }

  private void remember(Line line) {
    switch (line) {
      case RefusedLine cell -> refused.add(cell.cell());
      case SampleLine sample -> {
        done.add(Map.entry(sample.cell(), sample.id()));
        if (isReference(sample.cell()) && !sample.failed()) {
          written.put(key(sample.cell(), sample.id()), sample.outcome().tokens());
        }
      }
    }
  }

  private boolean isReference(Cell cell) {
    return plan.methods.stream()
        .anyMatch(each -> each.isReference() && each.label().equals(cell.method()));
  }

  private static List<Object> key(Cell cell, String id) {
    return List.of(cell.task(), cell.length(), id);
  }

  private void write(Line line) {
    file.append(line);
    remember(line);
  }

  /** Runs what is left; the results are in the file. */
  public void run() {
    for (Workload workload : plan.workloads) {
      lengths(workload).forEach(length -> progress.expect(length, plan.samples));
    }
    List<MethodChoice> usable = plan.methods.stream().filter(each -> misfit(each) == null).toList();
    try (SharedSession session = new SharedSession(model, usable)) {
      for (int length : allLengths()) {
        for (Workload workload : plan.workloads) {
          if (lengths(workload).contains(length)) {
            row(workload, length, session);
          }
        }
      }
    }
  }

  private List<Integer> lengths(Workload workload) {
    return workload.sized() ? plan.lengths : List.of(0);
  }

  private List<Integer> allLengths() {
    return plan.workloads.stream().flatMap(each -> lengths(each).stream()).distinct().sorted()
        .toList();
  }

  /** One workload at one length through all methods. */
  private void row(Workload workload, int length, SharedSession session) {
    List<MethodChoice> methods = new ArrayList<>(plan.methods);
    methods.removeIf(method -> refused.contains(cell(workload, length, method)));
    methods.removeIf(method -> refuse(cell(workload, length, method), tooLong(method, length)));
    if (methods.isEmpty()) {
      progress.skip(length, plan.samples);
      return;
    }
    List<Trial> trials;
    try {
      trials = workload.trials(encoder, length, plan.samples, plan.seed);
    } catch (InputException e) {
      methods.forEach(
          method -> refuse(cell(workload, length, method), String.valueOf(e.getMessage())));
      progress.skip(length, plan.samples);
      return;
    }
    progress.skip(length, plan.samples - trials.size());
    for (Trial trial : trials) {
      List<MethodChoice> left = methods.stream().filter(method -> !done
          .contains(Map.entry(cell(workload, length, method), trial.id()))).toList();
      if (left.isEmpty()) {
        progress.skip(length, 1);
        continue;
      }
      for (MethodChoice method : left) {
        Cell cell = cell(workload, length, method);
        progress.begin(cell + ", sample " + trial.id() + " of " + trials.size());
        write(answer(cell, trial, method, session));
      }
      progress.finished(length);
    }
  }

  private static Cell cell(Workload workload, int length, MethodChoice method) {
    return new Cell(workload.name(), length, method.label());
  }

  private boolean refuse(Cell cell, @Nullable String reason) {
    if (reason == null) {
      return false;
    }
    write(new RefusedLine(cell, reason));
    return true;
  }

  /** Why the model cannot hold so many tokens through a method; null if it can. */
  private @Nullable String tooLong(MethodChoice method, int length) {
    int positions = model.config().maxPositions();
    if (length > positions) {
      return "length " + length + " is more than the model's " + positions
          + " positions (max_position_embeddings); give a smaller one";
    }
    String misfit = misfit(method);
    if (misfit != null) {
      return misfit;
    }
    int fitting = Math.min(model.plan().context(),
        model.plan().largestContext(method.method()));
    return length > fitting
        ? "length " + length + " does not fit in memory, " + fitting
            + " tokens do; give a smaller one"
        : null;
  }

  private @Nullable String misfit(MethodChoice method) {
    try {
      method.method().check(model.kvShape());
      return null;
    } catch (InputException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private SampleLine answer(Cell cell, Trial trial, MethodChoice method, SharedSession session) {
    Trial.Result result = null;
    SampleLine.Outcome outcome;
    try {
      result = session.run(trial, method);
      outcome = result.outcome();
    } catch (CudaException e) {
      throw e; // the machine failed, not the sample
    } catch (RuntimeException e) {
      session.forget();
      outcome = SampleLine.Outcome.failed(trial.scored(),
          e instanceof InputException ? String.valueOf(e.getMessage()) : e.toString());
    }
    List<Integer> full = written.get(key(cell, trial.id()));
    boolean compared = full != null && result != null && !method.isReference();
    return new SampleLine(cell, trial.id(), trial.prompt(), outcome,
        result == null ? null : result.cost(),
        compared && full != null && !full.isEmpty()
            ? Agreement.of(full, outcome.tokens())
            : null,
        result == null ? List.of() : result.retrieval(), origin);
  }
}
