package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.KvCache;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.ModelPlan;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.RowFetches;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.AvailableMemory;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.model.ModelConfig;
import io.pariskv.transformer.Transformer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Times whole decode steps of a model of a known shape with random weights: what a token costs, from the
 * embedding to the sampled token, over contexts that were prefilled or filled with random rows.
 */
public final class ModelBench implements AutoCloseable {
  private static final int WARM_UP = 8;

  /**
   * What to measure.
   *
   * @param fillKv whether K and V are random rows instead of a prompt's
   * @param reference whether a prompt is compared with one of full attention where the stages work
   */
  public record Settings(ModelConfig config, boolean fillKv, boolean reference, int steps,
      long seed) {
  }

  /**
   * What the prompt of the last sequence took; all 0 when K and V were filled.
   *
   * @param seconds to the first token
   * @param commitSeconds of them, for K and V to reach the place where they live and for their summaries
   * @param referenceSeconds to the first token with full attention and K and V where the stages work, which
   *     makes no summaries and moves nothing; null if not asked for or if that does not fit
   */
  public record Prefill(double seconds, double commitSeconds, @Nullable Double referenceSeconds) {
  }

  /** A sequence of the batch: tokens before the first step, and those attended by the last. */
  public record Sequence(int tokens, double attendedTokens) {
  }

  /**
   * One line.
   *
   * @param busBytes bytes of K and V over the bus a step, both ways; 0 when they are not offloaded. Counted on the
   *     GPU if there is a cache of rows, else computed as if no selected key were among the last 2,048 tokens
   * @param hitRate share of the selected rows that were in the cache of rows, null without one
   * @param gpuBytes GPU memory held, weights included
   * @param hostBytes host memory held for K, V and summaries
   * @param pinnedBytes page-locked host memory held
   * @param pinSecondsPerGib that mapping and locking it took, if nothing hid it: null unless K and V were
   *     filled and are offloaded
   */
  public record Row(String method, List<Sequence> sequences, KvPlacement placement,
      Prefill prefill, double msMedian, double msP95, long busBytes, @Nullable Double hitRate,
      long gpuBytes, long hostBytes, long pinnedBytes, @Nullable Double pinSecondsPerGib) {
    /** New tokens a second of the whole batch. */
    public double tokensPerSecond() {
      return 1e3 * sequences.size() / msMedian;
    }

    /** The longest sequence. */
    public int context() {
      return sequences.stream().mapToInt(Sequence::tokens).max().orElseThrow();
    }

    /** Mean over the sequences. */
    public double attendedTokens() {
      return sequences.stream().mapToDouble(Sequence::attendedTokens).average().orElseThrow();
    }
  }

  private final Settings settings;
  private final LoadOptions options;
  private final Backend backend;
  private final AvailableMemory atFirst;
  private final ModelPlan plan;
  private final Transformer transformer;
  private final Map<Integer, Double> references = new HashMap<>();

  /** Opens the backend and makes the weights, unless they do not fit. */
  public ModelBench(Settings settings, LoadOptions options) {
    this.settings = settings;
    this.options = options;
    backend = Backends.open(options.backend());
    try {
      atFirst = backend.available();
      long weights = Transformer.randomWeightBytes(settings.config);
      plan = new ModelPlan(settings.config, weights, options, backend);
      plan.requireModelFits();
      backend.plan().with("random weights", weights).requireFits(atFirst,
          "use a smaller --shape");
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

  /**
   * Measures one method on one batch; {@code progress} gets a line now and then.
   *
   * @param lengths tokens of each sequence; memory is planned as if all were as long as the longest
   */
  public Row measure(AttentionMethod method, List<Integer> lengths, Consumer<String> progress) {
    KvShape shape = shape();
    KvPlacement placement = plan.placement(method);
    int longest = lengths.stream().max(Integer::compare).orElseThrow();
    method.check(shape);
    plan.requireBatchFits(method, lengths.size(), longest + settings.steps + WARM_UP + 1);
    transformer.setSequenceLength(longest);
    Double reference = settings.reference ? reference(longest, progress) : null;
    if (settings.reference) {
      prompt(method, placement, Math.min(longest, transformer.maxRows()), progress); // warms up
    }
    try (CachePool pool = new CachePool(backend, shape, method, lengths.size(), placement,
        options.rowCache()); Allocator memory = backend.newAllocator()) {
      List<KvCache> caches = new ArrayList<>();
      lengths.forEach(_ -> caches.add(pool.open()));
      Filled filled = fill(pool, memory, caches, lengths, progress);
      Decode decode = decode(pool, memory, caches);
      List<Sequence> sequences = new ArrayList<>();
      for (int i = 0; i < caches.size(); i++) {
        sequences.add(
            new Sequence(lengths.get(i), caches.get(i).stepCost().attendedTokens()));
      }
      return new Row(method.name(), sequences, placement,
          new Prefill(filled.prompt.seconds(), filled.prompt.commitSeconds(), reference),
          decode.step.median(), decode.step.p95(), busBytes(pool, caches, decode),
          pool.cachedRows() == 0 ? null : decode.fetches.hitRate(),
          atFirst.gpuBytes() - backend.available().gpuBytes(), pool.held().hostBytes(),
          pool.pinnedBytes(), filled.pinSecondsPerGib);
    }
  }

  private KvShape shape() {
    return LanguageModel.kvShape(settings.config, options.kvDtype());
  }

  /** Seconds of a prompt without summaries and offload, measured once a context; null if it does not fit. */
  private @Nullable Double reference(int tokens, Consumer<String> progress) {
    AttentionMethod full = new FullAttention();
    boolean fits = backend.planKv(backend.plan(), shape(), 1, tokens, plan.prefillChunk(),
        KvPlacement.DEVICE).fits(backend.available());
    if (fits && !references.containsKey(tokens)) {
      prompt(full, KvPlacement.DEVICE, Math.min(tokens, transformer.maxRows()), progress);
      references.put(tokens, prompt(full, KvPlacement.DEVICE, tokens, progress));
    }
    return references.get(tokens);
  }

  /** Seconds of a prompt alone. */
  private double prompt(AttentionMethod method, KvPlacement placement, int tokens,
      Consumer<String> progress) {
    try (CachePool pool = new CachePool(backend, shape(), method, 1, placement,
        options.rowCache());
        Allocator memory = backend.newAllocator()) {
      return new RandomPrompt(transformer, memory, settings.seed)
          .prefill(pool.open(), tokens, progress).seconds();
    }
  }

  /** What filling the sequences took, see {@link Row}. */
  private record Filled(RandomPrompt.Times prompt, @Nullable Double pinSecondsPerGib) {
  }

  /** Fills every sequence. */
  private Filled fill(CachePool pool, Allocator memory, List<KvCache> caches,
      List<Integer> lengths, Consumer<String> progress) {
    RandomPrompt.Times times = RandomPrompt.Times.NONE;
    if (settings.fillKv) {
      int longest = lengths.stream().max(Integer::compare).orElseThrow();
      RandomRows random = new RandomRows(backend, memory, pool.shape(),
          Math.min(longest, transformer.maxRows()), settings.seed);
      for (int i = 0; i < caches.size(); i++) {
        random.fill(caches.get(i), lengths.get(i));
      }
      long pinned = pool.pinnedBytes();
      return new Filled(times, pinned == 0 ? null : random.reserveSeconds() / pinned * (1L << 30));
    }
    RandomPrompt prompt = new RandomPrompt(transformer, memory, settings.seed);
    for (int i = 0; i < caches.size(); i++) {
      times = prompt.prefill(caches.get(i), lengths.get(i), progress);
    }
    return new Filled(times, null);
  }

  /** The timed steps, and where their selected rows were. */
  private record Decode(Timing step, RowFetches fetches) {
  }

  private static RowFetches fetches(List<KvCache> caches) {
    return caches.stream().map(KvCache::fetches).reduce(RowFetches.NONE, RowFetches::plus);
  }

  private Decode decode(CachePool pool, Allocator memory, List<KvCache> caches) {
    int rows = caches.size();
    Buffer logits = memory.allocate(DType.F32, rows, settings.config.vocabSize());
    GreedySampling sampling = new GreedySampling(backend, memory, rows,
        settings.config.vocabSize());
    try (RecordedDecode decode = new RecordedDecode(backend, pool.batch(caches), batch -> {
      Buffer hidden = transformer.forward(batch, sampling.tokens());
      transformer.logits(hidden, logits);
      sampling.sample(logits, batch.batch());
    })) {
      double[] millis = new double[settings.steps];
      RowFetches before = RowFetches.NONE;
      for (int step = -WARM_UP; step < settings.steps; step++) {
        if (step == 0) {
          before = fetches(caches);
        }
        long start = System.nanoTime();
        decode.step();
        sampling.waitForTokens();
        if (step >= 0) {
          millis[step] = (System.nanoTime() - start) / 1e6;
        }
        decode.commit();
      }
      return new Decode(Timing.of(millis), fetches(caches).since(before));
    }
  }

  /** Of a step of all sequences: rows that are fetched, and the new one of each that is written. */
  private long busBytes(CachePool pool, List<KvCache> caches, Decode decode) {
    if (pool.residentRows() == Integer.MAX_VALUE) {
      return 0;
    }
    KvShape shape = pool.shape();
    double fetched = pool.cachedRows() == 0
        ? caches.stream().mapToDouble(cache -> fetchedTokens(pool, cache)).sum() * shape.layers()
        : (double) decode.fetches.misses() / shape.kvHeads() / settings.steps;
    return Math.round((fetched + caches.size() * shape.layers()) * shape.tokenBytes());
  }

  /** Of one layer, without a cache of rows. */
  private static double fetchedTokens(CachePool pool, KvCache cache) {
    double resident = Math.min(cache.zones().residentTokens(), pool.residentRows());
    return Math.max(0, cache.stepCost().attendedTokens() - resident);
  }

  @Override
  public void close() {
    transformer.close();
    backend.close();
  }
}
