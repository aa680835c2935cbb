package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.KvCache;
import io.pariskv.cache.Rows;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.ModelPlan;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.AvailableMemory;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.model.ModelConfig;
import io.pariskv.transformer.Transformer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * Times whole decode steps of a model of a known shape with random weights: what a token costs, from the
 * embedding to the sampled token, over a context that was prefilled or filled with random rows.
 */
public final class ModelBench implements AutoCloseable {
  private static final int WARM_UP = 8;

  /** What to measure. */
  public record Settings(String shape, ModelConfig config, int batch, boolean fillKv, int steps,
      long seed) {
  }

  /**
   * One line.
   *
   * @param prefillSeconds of one sequence; 0 when K and V were filled
   * @param busBytes bytes of K and V over the bus a step, both ways; 0 when they are not offloaded
   * @param gpuBytes GPU memory held, weights included
   * @param pinnedBytes pinned host memory held
   */
  public record Row(String method, int context, KvPlacement placement, double prefillSeconds,
      double msMedian, double msP95, double tokensPerSecond, double attendedTokens, long busBytes,
      long gpuBytes, long pinnedBytes) {
  }

  private final Settings settings;
  private final LoadOptions options;
  private final Backend backend;
  private final AvailableMemory atFirst;
  private final ModelPlan plan;
  private final Transformer transformer;

  /** Opens the backend and makes the weights, unless they do not fit. */
  public ModelBench(Settings settings, LoadOptions options) {
    this.settings = settings;
    this.options = options;
    backend = Backends.open(options.backend());
    try {
      atFirst = backend.available();
      plan = new ModelPlan(settings.config, Transformer.randomWeightBytes(settings.config), options,
          backend);
      plan.requireModelFits();
      transformer = Transformer.random(backend, settings.config, plan.prefillChunk(),
          settings.seed);
    } catch (RuntimeException | Error e) {
      backend.close();
      throw e;
    }
  }

  /** The machine. */
  public Backend backend() {
    return backend;
  }

  /** Measures one method at one context; {@code progress} gets a line now and then. */
  public Row measure(AttentionMethod method, int context, Consumer<String> progress) {
    KvShape shape = LanguageModel.kvShape(settings.config, options.kvDtype());
    KvPlacement placement = plan.placement(method);
    method.check(shape);
    plan.requireBatchFits(method, settings.batch, context + settings.steps + WARM_UP + 1);
    try (CachePool pool = new CachePool(backend, shape, method, settings.batch, placement);
        Allocator memory = backend.newAllocator()) {
      Sequences sequences = new Sequences(pool, memory);
      transformer.setSequenceLength(context);
      double prefillSeconds = sequences.fill(context, progress);
      double[] millis = sequences.decode(settings.steps);
      double median = millis[millis.length / 2];
      AvailableMemory now = backend.available();
      KvCache first = sequences.caches.getFirst();
      return new Row(method.name(), context, placement, prefillSeconds, median,
          millis[Math.min(millis.length - 1, millis.length * 95 / 100)],
          1e3 * settings.batch / median, first.stepCost().attendedTokens(),
          settings.batch * busBytes(pool, first), atFirst.gpuBytes() - now.gpuBytes(),
          pool.pinnedBytes());
    }
  }

  /** Rows that are fetched, and the new one that is written. */
  private static long busBytes(CachePool pool, KvCache cache) {
    if (pool.residentRows() == Integer.MAX_VALUE) {
      return 0;
    }
    double resident = Math.min(cache.zones().residentTokens(), pool.residentRows());
    double fetched = Math.max(0, cache.stepCost().attendedTokens() - resident);
    return Math.round((fetched + 1) * pool.shape().tokenBytes() * pool.shape().layers());
  }

  /** The sequences of a batch, and the buffers of their steps. */
  private final class Sequences {
    private final CachePool pool;
    private final Allocator memory;
    private final List<KvCache> caches = new ArrayList<>();
    private final GreedySampling sampling;
    private final Buffer logits;

    Sequences(CachePool pool, Allocator memory) {
      this.pool = pool;
      this.memory = memory;
      for (int i = 0; i < settings.batch; i++) {
        caches.add(pool.open());
      }
      logits = memory.allocate(DType.F32, settings.batch, settings.config.vocabSize());
      sampling = new GreedySampling(backend, memory, settings.batch, settings.config.vocabSize());
    }

    /** Fills every sequence; seconds of the last one's prefill. */
    double fill(int context, Consumer<String> progress) {
      double seconds = 0;
      for (KvCache cache : caches) {
        seconds = settings.fillKv
            ? fillRandomly(cache, context)
            : prefill(cache, context, progress);
      }
      return seconds;
    }

    private double fillRandomly(KvCache cache, int context) {
      KvShape shape = pool.shape();
      int chunk = Math.min(context, transformer.maxRows());
      Buffer k = memory.allocate(DType.F32, chunk, shape.kvHeads(), shape.headDim());
      Buffer v = memory.allocate(DType.F32, chunk, shape.kvHeads(), shape.headDim());
      long seed = settings.seed;
      for (int from = 0; from < context; from += chunk) {
        int count = Math.min(chunk, context - from);
        try (Rows rows = cache.prefill(count)) {
          rows.begin();
          for (int layer = 0; layer < shape.layers(); layer++) {
            backend.layers().randomFill().fill(k, ++seed, 1);
            backend.layers().randomFill().fill(v, ++seed, 1);
            rows.append(layer, k.slice(0, count), v.slice(0, count));
          }
          rows.commit();
        }
      }
      return 0;
    }

    private double prefill(KvCache cache, int context, Consumer<String> progress) {
      SplittableRandom random = new SplittableRandom(settings.seed);
      int[] ids = random.ints(context, 0, settings.config.vocabSize()).toArray();
      Buffer tokens = memory.allocate(DType.I32, Math.min(context, transformer.maxRows()));
      long start = System.nanoTime();
      cache.expect(context);
      for (int from = 0; from < context; from += transformer.maxRows()) {
        int count = Math.min(transformer.maxRows(), context - from);
        backend.upload(MemorySegment.ofArray(ids).asSlice(4L * from, 4L * count),
            tokens.slice(0, count));
        try (Rows rows = cache.prefill(count)) {
          Buffer hidden = transformer.forward(rows, tokens.slice(0, count));
          transformer.logits(hidden.slice(count - 1, count), logits.slice(0, 1));
          rows.commit();
        }
        sampling.waitForTokens();
        double seconds = (System.nanoTime() - start) / 1e9;
        progress.accept(String.format(Locale.ROOT,
            "prefill %d of %d tokens, %.0f tokens/s", from + count, context,
            (from + count) / seconds));
      }
      return (System.nanoTime() - start) / 1e9;
    }

    /** Milliseconds of each step, ascending. */
    double[] decode(int steps) {
      try (RecordedDecode decode = new RecordedDecode(backend, pool.batch(caches), rows -> {
        Buffer hidden = transformer.forward(rows, sampling.tokens());
        transformer.logits(hidden, logits);
        sampling.sample(logits, rows.batch());
      })) {
        double[] millis = new double[steps];
        for (int step = -WARM_UP; step < steps; step++) {
          long start = System.nanoTime();
          decode.step();
          sampling.waitForTokens();
          if (step >= 0) {
            millis[step] = (System.nanoTime() - start) / 1e6;
          }
          decode.commit();
        }
        Arrays.sort(millis);
        return millis;
      }
    }
  }

  @Override
  public void close() {
    transformer.close();
    backend.close();
  }
}
