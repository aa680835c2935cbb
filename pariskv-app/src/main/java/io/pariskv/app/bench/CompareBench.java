package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.error.InputException;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.kv.Selection;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.MagicPigOnHost;
import io.pariskv.method.StepCost;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Times decode attention of one layer through several methods, side by side: the same random K and V, the same
 * queries, other ones every step, and nothing of it in a cache.
 *
 * <p>Keys and queries of random numbers favour nobody: every key is as likely to be selected as any other, steps have
 * hardly a key in common, and no page or cluster is better than the next. How many tokens a method attends follows from
 * its settings alone, unless it samples keys: then from these keys, so tokens are counted as they were selected. A
 * recorded step attends some layers in turn, and the caches are flushed before each run. Layers that a method always
 * attends whole are left out: what is timed is a layer that selects.
 */
public final class CompareBench implements AutoCloseable {

  /**
   * A method under the name that its rows have.
   *
   * @param settings such as {@code as released}
   * @param k keys it was asked to select, null if nobody asked
   */
  public record Contender(String label, String settings, @Nullable Integer k,
      AttentionMethod method) {
  }

  /**
   * What to measure, each with each.
   *
   * @param shape of one layer
   * @param contenders at a context, which their settings may depend on
   * @param layers in turn, 0 for as many as a context suggests
   * @param queries sets of queries, which runs take in turn
   * @param runs timed
   */
  public record Settings(KvShape shape, List<Integer> contexts, List<Integer> batches,
      List<KvPlacement> placements, IntFunction<List<Contender>> contenders, int layers,
      int queries, int runs, long seed) {
  }

  /** What rows have that can be compared: the same tokens in the same place. */
  public record Held(int context, int batch, KvPlacement placement, int layers) {
  }

  /**
   * One row.
   *
   * @param cost null if the method could not be measured
   * @param refusal why not; empty if it was
   */
  public record Row(Contender contender, Held held, @Nullable Cost cost, String refusal) {
  }

  /**
   * What a layer took.
   *
   * @param recorded whether its step was recorded
   * @param attendedTokens of a sequence, mean over heads, as selected
   * @param memoryBytes of K, V and index read where the stages work, computed
   * @param busBytes of K and V read over the bus to host memory, computed
   * @param windowBytes of those the sink's and the local window's, as far as they are beyond the rows that stay near
   * @param indexBytes of those the index's
   * @param keptBytes what the method keeps beside K and V, scratch memory that layers share included
   * @param indexMs to summarise all keys, once, before the first step
   */
  public record Cost(double msMedian, double msP5, double msP95, boolean recorded,
      double attendedTokens, long memoryBytes, long busBytes, long windowBytes, long indexBytes,
      long keptBytes, double indexMs) {
  }

  private final Settings settings;
  private final Backend backend;

  /** Opens the backend. */
  public CompareBench(String backendName, Settings settings) {
    this.settings = settings;
    this.backend = Backends.open(backendName);
  }

  /** The machine. */
  public Backend backend() {
    return backend;
  }

  /** Measures context after context; {@code progress} hears of every row, {@code rows} gets it. */
  public List<Row> run(Consumer<String> progress) {
    List<Row> rows = new ArrayList<>();
    for (int context : settings.contexts) {
      for (int batch : settings.batches) {
        for (KvPlacement placement : settings.placements) {
          Held held = new Held(context, batch, placement, layers(context));
          side(held, row -> {
            rows.add(row);
            progress.accept(row.contender.label + ", " + context + " tokens");
          });
        }
      }
    }
    return rows;
  }

  /** So many that a launch takes little of a step, so few that a million tokens fit. */
  private int layers(int context) {
    return settings.layers > 0 ? settings.layers : Math.clamp((1 << 19) / context, 2, 8);
  }

  /** All methods on the same tokens; the first one that fits brings them in. */
  private void side(Held held, Consumer<Row> rows) {
    KvShape one = settings.shape;
    RandomContext context = new RandomContext(
        new KvShape(held.layers, one.heads(), one.kvHeads(), one.headDim(), one.dtype()),
        held.context, held.batch, held.placement, RowCacheSize.OFF);
    List<Contender> fitting = new ArrayList<>();
    for (Contender each : settings.contenders.apply(held.context)) {
      String refusal = refusal(context, each.method);
      if (refusal.isEmpty()) {
        fitting.add(each);
      } else {
        rows.accept(new Row(each, held, null, refusal));
      }
    }
    if (fitting.isEmpty()) {
      return;
    }
    int measured = 0;
    try (CacheFlush flush = new CacheFlush(backend);
        RandomStep step = new RandomStep(backend, context, fitting.getFirst().method,
            settings.queries, 0, settings.seed)) {
      for (; measured < fitting.size(); measured++) {
        rows.accept(row(fitting.get(measured), held, step, flush));
      }
    } catch (OutOfMemoryError e) { // what the plan did not foresee
      String reason = String.valueOf(e.getMessage());
      fitting.subList(measured, fitting.size())
          .forEach(each -> rows.accept(new Row(each, held, null, reason)));
    }
  }

  private String refusal(RandomContext context, AttentionMethod method) {
    try {
      CacheFlush.plan(context.plan(backend, method), backend).requireFits(backend.available(),
          context.wayOut());
      return "";
    } catch (InputException e) {
      return Objects.requireNonNullElse(e.getMessage(), e.toString());
    }
  }

  private Row row(Contender contender, Held held, RandomStep step, CacheFlush flush) {
    try {
      double seconds = step.use(contender.method);
      Timing timing = step.time(flush::run, step::attend, settings.runs, CompareBench::nothing);
      return new Row(contender, held, cost(contender, held, step, timing, seconds), "");
    } catch (InputException | OutOfMemoryError e) { // the others may yet fit
      return new Row(contender, held, null, Objects.requireNonNullElse(e.getMessage(), ""));
    }
  }

  private static void nothing() {
    // Nothing is counted.
  }

  private Cost cost(Contender contender, Held held, RandomStep step, Timing timing,
      double seconds) {
    double selected = selected(step);
    StepCost cost = selected < 0 ? step.cost() : step.cost(selected);
    long kv = cost.kvBytes() / held.layers;
    long index = cost.summaryBytes() / held.layers;
    int anyway = step.attendedAnyway();
    int near = step.pool().residentRows(); // at the beginning and the end of a sequence
    boolean beside = contender.method instanceof MagicPigOnHost; // its rows stay with the CPU
    boolean overBus = near < Integer.MAX_VALUE && !beside;
    long token = settings.shape.tokenBytes();
    long bus = overBus ? Math.max(0, kv - Math.min(anyway, near) * token) : 0;
    boolean hasWindow = !(contender.method instanceof FullAttention);
    long window = overBus && hasWindow ? token * beyond(anyway, near) : 0;
    return new Cost(timing.median(), timing.p5(), timing.p95(), step.recordable(),
        selected < 0 ? cost.attendedTokens() : anyway + selected,
        held.batch * (kv - bus + index), held.batch * bus, held.batch * window,
        held.batch * index, step.pool().methodBytes() / held.layers,
        1000 * seconds / held.layers);
  }

  /** Tokens that every step attends, those left out that stay near. */
  static int beyond(int attendedAnyway, int near) {
    return Math.max(0, attendedAnyway - near);
  }

  /** Keys that a head selects, mean over heads and sets of queries; -1 if the method selects none. */
  private double selected(RandomStep step) {
    double selected = 0;
    QuerySets queries = step.queries();
    queries.restart();
    for (int set = 0; set < queries.count(); set++) {
      queries.next();
      step.attend(0);
      Selection selection = step.selection();
      if (selection == null) {
        return -1;
      }
      selected += Arrays.stream(backend.download(selection))
          .mapToInt(head -> head.length).average().orElse(0);
    }
    return selected / queries.count();
  }

  @Override
  public void close() {
    backend.close();
  }
}
