package io.pariskv.generate;

import io.pariskv.backend.Backend;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.AvailableMemory;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.method.AttentionMethod;
import io.pariskv.model.ModelConfig;
import io.pariskv.transformer.Transformer;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * The memory that one model and one session of it take on a backend, computed before the first
 * allocation.
 */
public final class ModelPlan {
  private final ModelConfig config;
  private final LoadOptions options;
  private final Backend backend;
  private final KvShape shape;
  private final MemoryPlan model;
  private final AvailableMemory atFirst;

  /**
   * A plan from what is available now.
   *
   * @param weightBytes bytes of all tensors
   */
  public ModelPlan(ModelConfig config, long weightBytes, LoadOptions options, Backend backend) {
    this.config = config;
    this.options = options;
    this.backend = backend;
    this.shape = LanguageModel.kvShape(config, options.kvDtype());
    this.model = backend.planWeights(backend.plan(), weightBytes)
        .with("activations", Transformer.scratchBytes(config, options.chunk(backend)));
    this.atFirst = backend.available();
  }

  /** Weights and intermediate results. */
  public MemoryPlan model() {
    return model;
  }

  /**
   * Refuses a method that cannot attend over this model's K and V.
   *
   * @throws io.pariskv.error.InputException saying why
   */
  public void check(AttentionMethod method) {
    method.check(shape);
  }

  /** Everything, with a session of {@code tokens} tokens. */
  public MemoryPlan whole(AttentionMethod method, int tokens) {
    return batch(model, method, 1, tokens, placement(method));
  }

  /** One session of {@code tokens} tokens alone. */
  public MemoryPlan session(AttentionMethod method, int tokens) {
    return batch(backend.plan(), method, 1, tokens, placement(method));
  }

  private MemoryPlan batch(MemoryPlan plan, AttentionMethod method, int sequences, int tokens,
      KvPlacement at) {
    return caches(plan, method, sequences, tokens, at)
        .with("session", ModelRunner.scratchBytes(config, prefillChunk(), sequences));
  }

  /** K, V and what a method keeps of them. */
  private MemoryPlan caches(MemoryPlan plan, AttentionMethod method, int sequences, int tokens,
      KvPlacement at) {
    MemoryPlan kv = backend.planKv(plan, shape, sequences, tokens, prefillChunk(), at);
    MemoryPlan rows = backend.planRowCache(kv, shape, sequences, cachedRows(method, at));
    return method.plan(rows, shape, sequences, tokens);
  }

  private int cachedRows(AttentionMethod method, KvPlacement at) {
    return options.rowCache().rows(at, method.selectedKeys(), backend.mostCachedRows());
  }

  /** Where a session of {@code method} keeps K and V: as asked, or where the whole context fits. */
  public KvPlacement placement(AttentionMethod method) {
    return switch (options.offload()) {
      case ON -> KvPlacement.HOST;
      case OFF -> KvPlacement.DEVICE;
      case AUTO -> batch(model, method, 1, context(), KvPlacement.DEVICE).fits(atFirst)
          ? KvPlacement.DEVICE
          : KvPlacement.HOST;
    };
  }

  /** Most tokens of a sequence: as asked, or the model's positions. */
  public int context() {
    return options.context() > 0 ? options.context() : config.positions();
  }

  /** The longest sequence, up to {@link #context}, whose plan fits in what was available; 0 if none. */
  public int largestContext(AttentionMethod method) {
    return largest(context(), tokens -> whole(method, tokens).fits(atFirst));
  }

  /** The largest number up to {@code most} that fits, 0 if none does; a smaller one fits where a larger does. */
  private static int largest(int most, IntPredicate fits) {
    if (fits.test(most)) {
      return most;
    }
    int fitting = 0;
    int tooLong = most;
    while (tooLong - fitting > 1) {
      int middle = fitting + (tooLong - fitting) / 2;
      if (fits.test(middle)) {
        fitting = middle;
      } else {
        tooLong = middle;
      }
    }
    return fitting;
  }

  /** By 3% at most: what is available changes a little until somebody has read the number and tries it. */
  private static int roundDown(int tokens) {
    int step = Math.max(1, Integer.highestOneBit(tokens) / 32);
    return tokens / step * step;
  }

  /** What was available before anything was allocated, and what of it a plan must leave free. */
  public AvailableMemory availableAtFirst() {
    return atFirst;
  }

  /**
   * Refuses a model that does not fit with the context asked for, whatever the method.
   *
   * @throws io.pariskv.error.InputException with the plan and the flag that helps
   */
  public void requireModelFits() {
    model.requireFits(atFirst, "use a smaller model, or another --backend");
    int tokens = options.context();
    if (tokens > 0 && !keysFit(tokens, asked())) {
      KvPlacement at = options.offload() == Offload.OFF ? KvPlacement.DEVICE : KvPlacement.HOST;
      int fitting = roundDown(largest(tokens, length -> keysFit(length, asked())));
      MemoryPlan whole = keys(tokens, at);
      whole.requireFits(atFirst, wayOut(
          "lower --context (" + tokens + "): K and V of " + fitting + " tokens fit", at,
          onlyHostIsShort(whole, keys(tokens, KvPlacement.DEVICE), atFirst)));
    }
  }

  /** Where K and V may be. */
  private List<KvPlacement> asked() {
    return switch (options.offload()) {
      case ON -> List.of(KvPlacement.HOST);
      case OFF -> List.of(KvPlacement.DEVICE);
      case AUTO -> List.of(KvPlacement.DEVICE, KvPlacement.HOST);
    };
  }

  private boolean keysFit(int tokens, List<KvPlacement> places) {
    return places.stream().anyMatch(at -> keys(tokens, at).fits(atFirst));
  }

  /** The model with K and V of a sequence, whatever the method. */
  private MemoryPlan keys(int tokens, KvPlacement at) {
    return backend.planKv(model, shape, 1, tokens, prefillChunk(), at);
  }

  /**
   * Refuses a session that does not fit beside what is allocated already.
   *
   * @param held what a session holds now and would use again
   * @param way what the user can do about the number of tokens
   */
  void requireSessionFits(AttentionMethod method, int tokens, AvailableMemory held, String way) {
    AvailableMemory available = availableNow().plus(held);
    MemoryPlan whole = session(method, tokens);
    if (!whole.fits(available)) {
      int fitting = roundDown(largest(tokens, length -> session(method, length).fits(available)));
      whole.requireFits(available,
          wayOut(way + ": " + fitting + " tokens fit, not " + tokens, method, placement(method),
              onlyHostIsShort(whole,
                  batch(backend.plan(), method, 1, tokens, KvPlacement.DEVICE), available)));
    }
  }

  /** What can be allocated beside what is allocated already. */
  private AvailableMemory availableNow() {
    return backend.available().laterOn();
  }

  /**
   * Refuses a batch of sequences that does not fit beside what is allocated already.
   *
   * @throws io.pariskv.error.InputException with the plan and the flag that helps
   */
  public void requireBatchFits(AttentionMethod method, int sequences, int tokens) {
    KvPlacement at = placement(method);
    AvailableMemory available = availableNow();
    MemoryPlan whole = caches(backend.plan(), method, sequences, tokens, at);
    whole.requireFits(available, wayOut("lower --context or --batch", method, at,
        onlyHostIsShort(whole,
            caches(backend.plan(), method, sequences, tokens, KvPlacement.DEVICE), available)));
  }

  /**
   * How many tokens the caches of up to {@code sequences} sequences may have together, beside what is allocated already.
   * One sequence alone may have them all, up to {@link #context}.
   */
  public int room(AttentionMethod method, int sequences) {
    AvailableMemory available = availableNow();
    KvPlacement at = placement(method);
    long most = Math.min((long) sequences * context(), Integer.MAX_VALUE);
    int fitting = largest((int) most, tokens -> {
      int one = Math.min(tokens, context());
      int each = Math.min(tokens / sequences + TokenSlabs.SLAB_TOKENS, one); // its last slab has few
      MemoryPlan none = backend.plan();
      return batch(none, method, 1, one, at).fits(available)
          && batch(none, method, sequences, each, at).fits(available);
    });
    return fitting == most ? fitting : roundDown(fitting);
  }

  /** Prompt tokens of one pass. */
  public int prefillChunk() {
    return options.chunk(backend);
  }

  /** @param device the same with K and V where the stages work */
  private static boolean onlyHostIsShort(MemoryPlan whole, MemoryPlan device,
      AvailableMemory available) {
    return whole.hostBytes() > available.hostForPlans() && device.fits(available);
  }

  private String wayOut(String way, AttentionMethod method, KvPlacement at,
      boolean onlyHostIsShort) {
    String out = wayOut(way, at, onlyHostIsShort);
    return cachedRows(method, at) > 0 ? out + ", or give --row-cache off" : out;
  }

  private String wayOut(String way, KvPlacement at, boolean onlyHostIsShort) {
    if (model.work() != MemoryPlace.GPU) {
      return way;
    }
    return switch (at) {
      case DEVICE -> way + ", or give --offload on";
      case HOST -> onlyHostIsShort ? way + ", or give --offload off" : way;
    };
  }
}
