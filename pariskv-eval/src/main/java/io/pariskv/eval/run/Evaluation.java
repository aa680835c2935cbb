package io.pariskv.eval.run;

import io.pariskv.backend.cuda.CudaException;
import io.pariskv.error.InputException;
import io.pariskv.error.NotEnoughMemoryException;
import io.pariskv.generate.LanguageModel;
import java.lang.ref.SoftReference;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One evaluation: every workload at every length through every method. What the file of results has already is not
 * computed again. A sample that fails counts as wrong; a cell that cannot be run is written down with its reason, and
 * the rest goes on. Ends early only if it is asked to, results cannot be written or the machine fails.
 *
 * <p>Several threads may {@link #run} it at a time, each with a loaded model of its own: a small model leaves most of
 * a GPU idle. A sample goes through all methods in one thread.
 */
public final class Evaluation {
  private static final Compared NOTHING = new Compared(List.of(), Map.of());

  /**
   * What to run.
   *
   * @param workloads rows
   * @param lengths most tokens of a sample
   * @param compared what is compared at a length, 0 for samples that come as they are: the same labels, whose settings may
   *     depend on the length
   * @param samples samples a cell
   * @param seed what makes them
   */
  public record Plan(List<Workload> workloads, List<Integer> lengths,
      IntFunction<Compared> compared, int samples, long seed) {

    /** Sorts lengths, so that what is short comes first. */
    public Plan {
      workloads = List.copyOf(workloads);
      lengths = lengths.stream().distinct().sorted().toList();
    }

    private List<Row> rows() {
      return Stream
          .concat(Stream.of(0), lengths.stream()).flatMap(length -> workloads.stream()
              .filter(each -> each.sized() == length > 0).map(each -> new Row(each, length)))
          .toList();
    }
  }

  /** One workload at one length. */
  private record Row(Workload workload, int length) {
    Cell cell(String label) {
      return new Cell(workload.name(), length, label);
    }
  }

  /** One sample of a row. */
  private record Unit(Row row, int index) {
  }

  /**
   * How a run goes on.
   *
   * @param turn samples of a row before the next row has its turn
   * @param enough whether it shall end; asked before each answer, by any thread
   */
  public record Pace(int turn, BooleanSupplier enough) {
    /** Samples of a turn in a run that may be ended early. */
    private static final int TURN = 20;

    /** To the end, row after row. */
    public static Pace toTheEnd() {
      return new Pace(Integer.MAX_VALUE, () -> false);
    }

    /** For so long, and all rows in turn, so that there are some samples of each in the end. */
    public static Pace seconds(long seconds) {
      long start = System.nanoTime();
      return new Pace(TURN, () -> System.nanoTime() - start >= seconds * 1_000_000_000L);
    }
  }

  private final Plan plan;
  private final ResultFile file;
  private final SampleLine.Origin origin;
  private final Progress progress;
  private final Pace pace;
  /** By length. */
  private final Map<Integer, Compared> compared = new HashMap<>();
  private final Queue<Unit> units = new ArrayDeque<>();
  /** Cell and id of the samples that are done. */
  private final Set<Map.Entry<Cell, String>> done = new HashSet<>();
  private final Set<Cell> refused = new HashSet<>();
  /** Why earlier runs refused cells; what was wrong then may have been mended. */
  private final Map<Cell, String> refusedBefore = new HashMap<>();
  /** What came of samples through full attention, by task, length and id. */
  private final Map<List<Object>, SampleLine.Outcome> ofFull = new HashMap<>();

  /**
   * An evaluation, ready to run.
   *
   * @param progress hears a line whenever a sample begins, from any thread that runs it
   */
  public Evaluation(Plan plan, ResultFile file, SampleLine.Origin origin, Pace pace,
      Consumer<String> progress) {
    this.plan = plan;
    this.file = file;
    this.origin = origin;
    this.pace = pace;
    this.progress = new Progress(progress, System::nanoTime);
    List<Row> rows = plan.rows();
    rows.forEach(row -> compared.computeIfAbsent(row.length, plan.compared::apply));
    file.lines().forEach(this::remember);
    for (int from = 0; from < plan.samples; from += Math.min(pace.turn, plan.samples - from)) {
      int to = from + Math.min(pace.turn, plan.samples - from);
      for (Row row : rows) {
        for (int index = from; index < to; index++) {
          units.add(new Unit(row, index));
        }
        this.progress.expect(row.length, to - from);
      }
    }
    rows.forEach(row -> at(row.length).refused()
        .forEach((label, reason) -> refuse(row.cell(label), reason)));
  }

  private void remember(Line line) {
    switch (line) {
      case RefusedLine cell -> refusedBefore.put(cell.cell(), cell.reason());
      case SampleLine sample -> {
        done.add(Map.entry(sample.cell(), sample.id()));
        if (isReference(sample.cell()) && !sample.failed()) {
          ofFull.put(key(sample.cell(), sample.id()), sample.outcome());
        }
      }
    }
  }

  private Compared at(int length) {
    return compared.getOrDefault(length, NOTHING);
  }

  private boolean isReference(Cell cell) {
    return at(cell.length()).methods().stream()
        .anyMatch(each -> each.isReference() && each.label().equals(cell.method()));
  }

  private static List<Object> key(Cell cell, String id) {
    return List.of(cell.task(), cell.length(), id);
  }

  private synchronized void write(Line line) {
    file.append(line);
    remember(line);
  }

  private synchronized void refuse(Cell cell, @Nullable String reason) {
    if (reason != null && refused.add(cell) && !reason.equals(refusedBefore.get(cell))) {
      write(new RefusedLine(cell, reason));
    }
  }

  private synchronized boolean isRefused(Cell cell) {
    return refused.contains(cell);
  }

  private synchronized boolean isDone(Cell cell, String id) {
    return done.contains(Map.entry(cell, id));
  }

  private synchronized SampleLine.@Nullable Outcome ofFull(Cell cell, String id) {
    return ofFull.get(key(cell, id));
  }

  private synchronized @Nullable Unit next() {
    return pace.enough.getAsBoolean() ? null : units.poll();
  }

  /** Ends the run in all threads, once their samples are finished. */
  public synchronized void end() {
    units.clear();
  }

  /** Samples that nobody has begun, those that are in the file already among them. */
  public synchronized int left() {
    return units.size();
  }

  /** Runs what is left, with a model of this thread's; the results are in the file. */
  public void run(PromptEncoder encoder) {
    try (Worker worker = new Worker(encoder)) {
      for (Unit unit = next(); unit != null; unit = next()) {
        worker.run(unit);
      }
    }
  }

  /** One thread's part. */
  private final class Worker implements AutoCloseable {
    private final PromptEncoder encoder;
    private final LanguageModel model;
    private final SharedSession session;
    /** Samples of rows that had a turn, as long as nothing else needs the memory: they may be a large file's. */
    private final Map<Row, SoftReference<List<Trial>>> made = new HashMap<>();
    private @Nullable Row row;
    private List<Trial> trials = List.of();

    Worker(PromptEncoder encoder) {
      this.encoder = encoder;
      model = encoder.model();
      session = new SharedSession(model,
          compared.values().stream().flatMap(each -> each.methods().stream())
              .filter(each -> misfit(each) == null).toList());
    }

    void run(Unit unit) {
      if (!unit.row.equals(row)) {
        begin(unit.row);
      }
      Trial trial = trial(unit);
      List<MethodChoice> left = trial == null
          ? List.of()
          : open(unit.row).filter(method -> !isDone(unit.row.cell(method.label()), trial.id()))
              .toList();
      if (trial == null || left.isEmpty()) {
        progress.skip(unit.row.length, 1);
        return;
      }
      for (MethodChoice method : left) {
        if (pace.enough.getAsBoolean()) {
          return; // the sample's other methods are done when the run is resumed
        }
        Cell cell = unit.row.cell(method.label());
        progress.begin(cell + ", sample " + trial.id() + " of " + trials.size());
        write(answer(cell, trial, method));
      }
      progress.finished(unit.row.length);
    }

    /** Methods that a row is not refused for. */
    private Stream<MethodChoice> open(Row of) {
      return at(of.length).methods().stream()
          .filter(method -> !isRefused(of.cell(method.label())));
    }

    /** The sample, null if there is none. */
    private @Nullable Trial trial(Unit unit) {
      try {
        return unit.index < trials.size() ? trials.get(unit.index) : null;
      } catch (InputException e) {
        refuseAll(unit.row, e);
        trials = List.of();
        return null;
      }
    }

    private void begin(Row next) {
      row = next;
      trials = List.of();
      at(next.length).methods()
          .forEach(method -> refuse(next.cell(method.label()), tooLong(method, next)));
      if (open(next).findAny().isPresent()) {
        try {
          trials = trials(next);
        } catch (InputException e) {
          refuseAll(next, e);
        }
      }
    }

    private List<Trial> trials(Row of) {
      SoftReference<List<Trial>> kept = made.get(of);
      List<Trial> known = kept == null ? null : kept.get();
      if (known != null) {
        return known;
      }
      List<Trial> all = of.workload.trials(encoder, of.length, plan.samples, plan.seed);
      made.put(of, new SoftReference<>(all));
      return all;
    }

    private void refuseAll(Row of, InputException reason) {
      at(of.length).methods().forEach(
          method -> refuse(of.cell(method.label()), String.valueOf(reason.getMessage())));
    }

    /** Why the model cannot hold a row's samples through a method; null if it can. */
    private @Nullable String tooLong(MethodChoice method, Row of) {
      boolean sized = of.workload.sized();
      int tokens = sized ? of.length : of.workload.tokens();
      String length = sized
          ? "length " + tokens
          : "a prompt and an answer of " + tokens + " tokens";
      String wayOut = sized ? "; give a smaller one" : "; give a smaller number of --new-tokens";
      int positions = model.config().positions();
      if (tokens > positions) {
        return length + " is more than the model's " + positions
            + " positions (max_position_embeddings and rope_scaling)" + wayOut;
      }
      String misfit = misfit(method);
      if (misfit != null) {
        return misfit;
      }
      int fitting = Math.min(model.plan().context(),
          model.plan().largestContext(method.counted()));
      return tokens > fitting
          ? length + " does not fit in memory, " + fitting + " tokens do" + wayOut
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

    private SampleLine answer(Cell cell, Trial trial, MethodChoice method) {
      Trial.Result result = null;
      SampleLine.Outcome outcome;
      try {
        result = session.run(trial, method);
        outcome = result.outcome();
      } catch (CudaException | NotEnoughMemoryException e) {
        throw e; // the machine failed, not the sample
      } catch (RuntimeException e) {
        session.forget();
        outcome = SampleLine.Outcome.failed(trial.scored(),
            e instanceof InputException ? String.valueOf(e.getMessage()) : e.toString());
      }
      SampleLine.Outcome full = result == null || method.isReference()
          ? null
          : ofFull(cell, trial.id());
      return new SampleLine(cell, trial.id(), trial.prompt(),
          full == null ? outcome : trial.beside(full, outcome),
          result == null ? null : result.cost(),
          full == null || full.tokens().isEmpty()
              ? null
              : Agreement.of(full.tokens(), outcome.tokens()),
          result == null ? List.of() : result.retrieval(), origin);
    }

    @Override
    public void close() {
      session.close();
    }
  }
}
