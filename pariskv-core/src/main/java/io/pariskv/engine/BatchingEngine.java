package io.pariskv.engine;

import io.pariskv.backend.Backend;
import io.pariskv.error.InputException;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.ModelRunner;
import io.pariskv.kv.KvPlacement;
import io.pariskv.method.AttentionMethod;
import io.pariskv.saved.CacheWriter;
import io.pariskv.saved.SavedCache;
import io.pariskv.saved.SavedCaches;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** An engine with one thread, which takes turns between the prompts and one batch of all sequences that decode. */
final class BatchingEngine implements Engine {
  private final LanguageModel model;
  private final Backend backend;
  private final Requests requests;
  private final Scheduler scheduler;
  private final Tally tally;
  private final int mostTokens;
  private final long keepTokens;
  private final @Nullable SavedCaches saved;
  private final Thread thread;
  private final AtomicBoolean closed = new AtomicBoolean();

  private BatchingEngine(LanguageModel model, Requests requests, Scheduler scheduler, Tally tally,
      int mostTokens, long keepTokens, @Nullable SavedCaches saved) {
    this.model = model;
    this.backend = model.backend();
    this.requests = requests;
    this.scheduler = scheduler;
    this.tally = tally;
    this.mostTokens = mostTokens;
    this.keepTokens = keepTokens;
    this.saved = saved;
    this.thread = Thread.ofPlatform().name("engine").daemon().unstarted(this::drive);
  }

  static BatchingEngine start(LanguageModel model, AttentionMethod method, EngineOptions options,
      @Nullable SavedCaches saved) {
    int room = model.plan().room(method, options.places());
    if (room < 2) {
      throw new InputException("places " + options.places()
          + " leave no memory for the tokens of any; give fewer, or use a smaller model");
    }
    return start(model, method, options, saved, room, System::nanoTime);
  }

  /**
   * @param room tokens that all caches may have
   * @param clock nanoseconds, by which streams are kept from waiting
   */
  static BatchingEngine start(LanguageModel model, AttentionMethod method, EngineOptions options,
      int room, LongSupplier clock) {
    return start(model, method, options, null, room, clock);
  }

  private static BatchingEngine start(LanguageModel model, AttentionMethod method,
      EngineOptions options, @Nullable SavedCaches saved, int room, LongSupplier clock) {
    ModelRunner runner = model.newRunner(method, options.places());
    try {
      requireSuits(options, runner);
      ChunkSizes chunks = ChunkSizes.of(model.config(),
          options.chunk() == 0 ? runner.maxChunk() : options.chunk(),
          model.plan().placement(method) == KvPlacement.HOST);
      Requests requests = new Requests(options.places(), options.maxQueue());
      Tally tally = new Tally(options.places(), room);
      BatchingEngine engine = new BatchingEngine(model, requests,
          new Scheduler(model, runner, requests, chunks, options, room, tally, clock,
              new Transfers(runner, saved)),
          tally, Math.min(room, model.plan().context()), options.keepTokens(), saved);
      engine.thread.start();
      return engine;
    } catch (RuntimeException | Error e) {
      runner.close();
      throw e;
    }
  }

  private static void requireSuits(EngineOptions options, ModelRunner runner) {
    if (runner.dependsOnSequenceLength() && options.places() > 1) {
      throw new InputException("places " + options.places() + " must be 1 for this model: its "
          + "rotary frequencies depend on the length of a sequence (rope_scaling dynamic)");
    }
    int most = runner.maxChunk();
    if (options.places() > most) {
      throw new InputException("places " + options.places() + " must be at most prefill-chunk "
          + most + ", the most rows of a pass");
    }
    if (options.chunk() > most) {
      throw new InputException("chunk " + options.chunk() + " must be at most prefill-chunk "
          + most + ", the most rows of a pass");
    }
  }

  @Override
  public Ticket submit(EngineRequest asked, EngineListener listener) {
    int[] prompt = asked.prompt();
    int limit = model.newTokens(prompt, asked.options().maxTokens(), mostTokens);
    return add(new Request(asked, listener, limit, null));
  }

  private Ticket add(Request request) {
    requests.add(request);
    return request;
  }

  @Override
  public @Nullable SavedCaches savedCaches() {
    return saved;
  }

  @Override
  public Ticket save(int[] prompt, String name, EngineListener listener) {
    Path file = requireCaches().file(name);
    model.newTokens(prompt, 1, mostTokens);
    CacheWriter.requireRoom(file, model.kvShape(), prompt.length);
    return add(new Request(new EngineRequest(prompt, GenerationOptions.greedy(1), null), listener,
        0, new CacheTask.Save(file)));
  }

  @Override
  public Ticket load(SavedCache cache, EngineListener listener) {
    requireCaches();
    int[] prompt = cache.tokens();
    if (prompt.length > keepTokens) {
      throw new InputException(cache.file() + ": has " + prompt.length
          + " tokens, and at most " + keepTokens
          + " are kept for later requests; raise keep-tokens");
    }
    model.newTokens(prompt, 1, mostTokens);
    return add(new Request(new EngineRequest(prompt, GenerationOptions.greedy(1), null), listener,
        0, new CacheTask.Load(cache)));
  }

  private SavedCaches requireCaches() {
    SavedCaches present = saved;
    if (present == null) {
      throw new IllegalStateException("the engine was started without a directory for caches");
    }
    return present;
  }

  @Override
  public EngineStatus status() {
    return tally.status().withWaiting(requests.waiting());
  }

  @Override
  public CacheStatus cacheStatus() {
    return tally.caches();
  }

  /** Bytes of K and V, while no request runs. */
  long cacheBytes() {
    return scheduler.cacheBytes();
  }

  /** The engine's thread. */
  private void drive() {
    try (Scheduler running = scheduler) {
      backend.bind();
      while (requests.await()) {
        running.turn();
      }
    } catch (RuntimeException | Error e) {
      for (Request request : requests.fail(e)) {
        tally.failed();
        tally.publish(0, 0, 0);
        request.tellFailure(e);
        requests.ended(request);
      }
    }
  }

  @Override
  public boolean drain(Duration atMost) {
    requireOtherThread("drained");
    requests.stop();
    boolean byThemselves = awaitEnd(atMost);
    if (!byThemselves) {
      requests.cancelAll();
      awaitEnd(Duration.ofSeconds(Long.MAX_VALUE));
    }
    return byThemselves;
  }

  /** An interrupt ends the wait, and stays. */
  private boolean awaitEnd(Duration atMost) {
    try {
      return requests.awaitEnd(atMost);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  @Override
  public void close() {
    requireOtherThread("closed");
    requests.stop();
    requests.cancelAll();
    joinUninterruptibly();
    if (Thread.currentThread().isVirtual()) {
      return; // it could not drive a GPU
    }
    if (closed.compareAndSet(false, true)) { // later the backend may be another engine's, or closed
      backend.bind();
    }
  }

  private void joinUninterruptibly() {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void requireOtherThread(String what) {
    if (Thread.currentThread() == thread) {
      throw new IllegalStateException("an engine cannot be " + what
          + " by a listener, which runs on the thread that is waited for; use another thread");
    }
  }
}
