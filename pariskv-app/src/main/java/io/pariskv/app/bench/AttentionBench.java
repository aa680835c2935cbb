package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.generate.Offload;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.kv.RowFetches;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ParisKv;
import io.pariskv.retrieve.Retrieval;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Times decode attention of one layer, stage by stage, over random K and V.
 *
 * <p>A recorded step attends several layers in turn, so many that all they read is several times the largest
 * cache: none finds anything there, as in a whole model. A layer's time is the step's over their number. A
 * stage's time is that of the step up to and with this stage, less that of the step before it. Runs take the sets of
 * queries in turn, so that a run finds the rows it selects where it would in a model, and not where the run
 * before left the same ones.
 */
public final class AttentionBench implements AutoCloseable {
  /** In the list of parts of a method that retrieves nothing. */
  private static final List<String> NONE = List.of();

  /** A method under the name that its rows have. */
  public record Contender(String name, AttentionMethod method) {
  }

  /**
   * What to measure, each with each.
   *
   * @param shape of one layer
   * @param offload {@code AUTO} for full attention on the GPU where it fits and ParisKV beside it
   * @param layers in turn, 0 for as many as it takes
   * @param queries sets of queries, which runs take in turn
   * @param correlation of a query with the one after it, 0 to 1
   * @param runs timed
   */
  public record Settings(KvShape shape, List<Integer> contexts, List<Integer> batches,
      List<Contender> methods, Offload offload, RowCacheSize rowCache, int layers,
      int queries, double correlation, int runs, long seed) {
  }

  /** A stage of a row; its share is that of the bandwidth with which the backend reads its memory. */
  public record Stage(String name, double milliseconds, MovedBytes bytes, double bandwidthShare) {
  }

  /**
   * One line.
   *
   * @param k selected keys, or null for a method that selects none
   * @param layers in turn
   * @param cold whether a layer can find nothing in the cache
   * @param bytes those over the bus counted on the GPU if there is a cache of rows, else computed
   * @param overlap share of a run's selected keys that the run before had selected, null if none are selected
   * @param cachedRows places of the cache of rows of a KV head, 0 if there is none
   * @param hitRate share of the selected rows that were in that cache, null without one
   */
  public record Row(String method, @Nullable Integer k, int context, int batch,
      KvPlacement placement, int layers, boolean cold, double msMedian, double msP95,
      MovedBytes bytes, double attendedTokens, @Nullable Double overlap, int cachedRows,
      @Nullable Double hitRate, List<Stage> stages) {
    /** Memory read and written a second, without what comes over the bus. */
    public double gigabytesPerSecond() {
      return bytes.memory() / msMedian / 1e6;
    }
  }

  /** A row to be measured. */
  private record Case(Contender contender, RandomContext held, boolean cold) {
    AttentionMethod method() {
      return contender.method;
    }
  }

  private final Settings settings;
  private final Backend backend;
  private final List<Case> cases;
  private final ReadBandwidth bandwidth;

  /** Opens the backend, refuses what does not fit, and measures how fast memory is read. */
  public AttentionBench(String backendName, Settings settings) {
    this.settings = settings;
    backend = Backends.open(backendName);
    try {
      cases = cases();
      cases.forEach(each -> each.held.plan(backend, each.method())
          .requireFits(backend.available(), each.held.wayOut()));
      bandwidth = ReadBandwidth.measure(backend);
    } catch (RuntimeException | Error e) {
      backend.close();
      throw e;
    }
  }

  private List<Case> cases() {
    List<Case> all = new ArrayList<>();
    for (int context : settings.contexts) {
      for (int batch : settings.batches) {
        settings.methods.forEach(method -> all.add(newCase(method, context, batch)));
      }
    }
    return all;
  }

  private Case newCase(Contender contender, int context, int batch) {
    KvShape one = settings.shape;
    int enough = new AttentionTraffic(one, contender.method, context, batch, Integer.MAX_VALUE)
        .coldLayers(backend.cacheBytes());
    int layers = settings.layers > 0 ? settings.layers : enough;
    KvShape shape = new KvShape(layers, one.heads(), one.kvHeads(), one.headDim(), one.dtype());
    RandomContext onDevice = new RandomContext(shape, context, batch, KvPlacement.DEVICE,
        settings.rowCache);
    RandomContext held = new RandomContext(shape, context, batch,
        placement(contender.method, onDevice), settings.rowCache);
    return new Case(contender, held, layers >= enough);
  }

  private KvPlacement placement(AttentionMethod method, RandomContext onDevice) {
    boolean beside = method instanceof ParisKv && backend.plan().work() == MemoryPlace.GPU;
    return switch (settings.offload) {
      case ON -> KvPlacement.HOST;
      case OFF -> KvPlacement.DEVICE;
      case AUTO -> beside || !onDevice.plan(backend, method).fits(backend.available())
          ? KvPlacement.HOST
          : KvPlacement.DEVICE;
    };
  }

  /** The machine. */
  public Backend backend() {
    return backend;
  }

  /** What the stages' shares are of. */
  public ReadBandwidth bandwidth() {
    return bandwidth;
  }

  /** Measures row after row. */
  public List<Row> run(Consumer<String> progress) {
    List<Row> rows = new ArrayList<>();
    for (Case each : cases) {
      rows.add(measure(each));
      progress.accept(rows.size() + " of " + cases.size() + " rows");
    }
    return rows;
  }

  private Row measure(Case each) {
    try (RandomStep step = new RandomStep(backend, each.held, each.method(), settings.queries,
        settings.correlation, settings.seed)) {
      return new Measurement(each, step).row();
    }
  }

  private static void nothing() {
    // Runs follow one another as they are.
  }

  /** The steps of one row. */
  private final class Measurement {
    private final Case measured;
    private final RandomContext held;
    private final RandomStep step;
    private final int cachedRows;
    private final List<String> parts;
    private final AttentionTraffic traffic;

    private RowFetches whenWarm = RowFetches.NONE;

    Measurement(Case measured, RandomStep step) {
      this.measured = measured;
      this.held = measured.held;
      this.step = step;
      cachedRows = step.pool().cachedRows();
      Retrieval retrieval = step.retrieval();
      parts = retrieval == null ? NONE : retrieval.parts();
      traffic = new AttentionTraffic(settings.shape, measured.method(), held.context(),
          held.batch(), step.pool().residentRows());
    }

    Row row() {
      Timing whole = time(step::attend);
      RowFetches fetches = step.fetches().since(whenWarm);
      int visits = settings.runs * held.shape().layers();
      MovedBytes attend = cachedRows == 0
          ? traffic.attend()
          : traffic.attend(cachedRows, (double) fetches.misses() / visits);
      List<Stage> stages = new ArrayList<>();
      double before = 0;
      for (int part = 0; part < parts.size(); part++) {
        int last = part;
        double upTo = time(layer -> step.retrieve(layer, last)).median();
        stages.add(stage(parts.get(part), upTo - before, traffic.part(parts.get(part))));
        before = upTo;
      }
      String last = parts.isEmpty() ? "attend" : "fetch+attend";
      stages.add(stage(last, whole.median() - before, attend));
      Integer k = measured.method() instanceof ParisKv pariskv
          ? pariskv.config().budget().k()
          : null;
      return new Row(measured.contender.name, k, held.context(), held.batch(), held.placement(),
          held.shape().layers(), measured.cold, whole.median(), whole.p95(),
          traffic.whole(parts, attend), step.cost().attendedTokens(), overlap(),
          cachedRows, cachedRows == 0 ? null : fetches.hitRate(), stages);
    }

    /** Of what one layer selects with a set of queries and with the next. */
    private @Nullable Double overlap() {
      Retrieval retrieval = step.retrieval();
      if (retrieval == null) {
        return null;
      }
      SelectionOverlap overlap = new SelectionOverlap();
      QuerySets queries = step.queries();
      queries.restart();
      for (int set = 0; set <= queries.count(); set++) { // the first follows the last
        queries.next();
        step.retrieve(0, parts.size() - 1);
        overlap.next(backend.download(retrieval.selection()));
      }
      return overlap.mean();
    }

    private Timing time(IntConsumer layer) {
      return step.time(AttentionBench::nothing, layer, settings.runs,
          () -> whenWarm = step.fetches());
    }

    private Stage stage(String name, double milliseconds, MovedBytes bytes) {
      double share = milliseconds > 0
          ? bytes.memory() / milliseconds / 1e6 / bandwidth.gigabytesPerSecond()
          : 0;
      return new Stage(name, milliseconds, bytes, share);
    }
  }

  @Override
  public void close() {
    backend.close();
  }
}
