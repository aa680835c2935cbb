package io.pariskv.server.testing;

import io.pariskv.engine.CacheStatus;
import io.pariskv.engine.ContextAttention;
import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineListener;
import io.pariskv.engine.EngineRequest;
import io.pariskv.engine.EngineStatus;
import io.pariskv.engine.QueueFullException;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.TokenLogprobs;
import io.pariskv.text.TokenDecoder;
import io.pariskv.text.Tokenizer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** An engine without a model: the test says what happens to each request, or a script does. */
public final class FakeEngine implements Engine {
  /** The tokens of a prompt that count as cached. */
  public static final int CACHED = 3;

  private static final long PATIENCE_SECONDS = 30;

  private final ExecutorService thread = Executors.newSingleThreadExecutor(
      Thread.ofVirtual().name("fake-engine").factory());
  private final BlockingQueue<Submission> submissions = new LinkedBlockingQueue<>();
  private final Set<Submission> running = ConcurrentHashMap.newKeySet();
  private final AtomicInteger taken = new AtomicInteger();
  private final AtomicInteger ended = new AtomicInteger();
  private final @Nullable Consumer<Submission> script;
  private final CountDownLatch draining = new CountDownLatch(1);
  private volatile CountDownLatch drains = new CountDownLatch(0);
  private volatile int places = Integer.MAX_VALUE;
  private volatile @Nullable RuntimeException refusal;

  /** The test drives every request, which it gets by {@link #next}. */
  public FakeEngine() {
    this(null);
  }

  private FakeEngine(@Nullable Consumer<Submission> script) {
    this.script = script;
  }

  /** Every request is answered like this. */
  public static FakeEngine answering(String... pieces) {
    return new FakeEngine(submission -> {
      submission.prefill(0).prefill(submission.request.prompt().length);
      for (String piece : pieces) {
        submission.token(piece);
      }
      submission.end(FinishReason.STOP);
    });
  }

  /**
   * Every request is answered with these tokens, and then with {@code end}. Their probabilities, where asked for, are those
   * that {@link #logprob} makes up.
   */
  public static FakeEngine saying(Tokenizer tokenizer, int[] tokens, int end) {
    return new FakeEngine(submission -> {
      TokenDecoder decoder = tokenizer.decoder(true);
      for (int token : tokens) {
        submission.token(token, decoder.push(token));
      }
      submission.token(end, decoder.finish()).end(FinishReason.STOP);
    });
  }

  /** Of a token, as this engine has it; the most probable ones are the first. */
  public static double logprob(int token) {
    return token == 0 ? Double.NEGATIVE_INFINITY : -token / 64.0;
  }

  /** Every request's answer begins like this, and does not end until it is cancelled. */
  public static FakeEngine endless(ContextAttention attention, String... pieces) {
    return new FakeEngine(submission -> {
      submission.attends(attention).prefill(submission.request.prompt().length);
      for (String piece : pieces) {
        submission.token(piece);
      }
    });
  }

  /** Every request is answered with so many tokens, one of each request after the other. */
  public static FakeEngine steady(int tokens) {
    return new FakeEngine(submission -> submission.prefill(0).go(tokens));
  }

  /** A request of the server's. */
  public final class Submission {
    private final EngineRequest request;
    private final EngineListener listener;
    private final List<Integer> tokens = new ArrayList<>();
    private final StringBuilder text = new StringBuilder();
    private final CountDownLatch cancelled = new CountDownLatch(1);
    private boolean over;
    private volatile @Nullable ContextAttention attention;

    private Submission(EngineRequest request, EngineListener listener) {
      this.request = request;
      this.listener = listener;
    }

    /** What was asked for. */
    public EngineRequest request() {
      return request;
    }

    /** A part of the prompt has been read. */
    public Submission prefill(int done) {
      return then(() -> listener.onPrefill(done, request.prompt().length));
    }

    /** A token was chosen. */
    public Submission token(String piece) {
      return then(() -> choose(tokens.size(), piece));
    }

    /** This token was chosen. */
    public Submission token(int id, String piece) {
      return then(() -> choose(id, piece));
    }

    private void choose(int id, String piece) {
      if (request.options().logprobs() != GenerationOptions.NO_LOGPROBS) {
        listener.onLogprobs(new TokenLogprobs(id, logprob(id),
            IntStream.range(0, request.options().logprobs())
                .mapToObj(other -> new TokenLogprobs.Candidate(other, logprob(other))).toList()));
      }
      tokens.add(id);
      text.append(piece);
      listener.onToken(id, piece);
    }

    private void go(int left) {
      then(() -> {
        if (left == 0) {
          end(FinishReason.STOP);
        } else {
          token("token ").go(left - 1);
        }
      });
    }

    /** What it attends from here on. */
    public Submission attends(ContextAttention now) {
      attention = now;
      return this;
    }

    /** The answer has ended. */
    public Submission end(FinishReason reason) {
      return then(() -> {
        close();
        listener.onEnd(result(reason));
      });
    }

    /** The engine failed. */
    public Submission fail(Exception failure) {
      return then(() -> {
        close();
        listener.onFailure(failure);
      });
    }

    private void close() {
      over = true;
      running.remove(this);
      ended.incrementAndGet();
    }

    private Submission then(Runnable event) {
      thread.execute(() -> {
        if (!over) {
          event.run();
        }
      });
      return this;
    }

    /** Waits until the server has cancelled it. */
    public void awaitCancelled() throws InterruptedException {
      if (!cancelled.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        throw new AssertionError("the request was not cancelled");
      }
    }

    /** Whether the server has cancelled it. */
    public boolean cancelled() {
      return cancelled.getCount() == 0;
    }

    private void cancel() {
      cancelled.countDown();
      end(FinishReason.CANCELLED);
    }

    private GenerationResult result(FinishReason reason) {
      return new GenerationResult(text.toString(), tokens, reason, request.prompt().length,
          Math.min(CACHED, request.prompt().length), 0.5, 0.25, Math.max(0, tokens.size() - 1), 100,
          200, 50, request.prompt().length, 10, null, null, List.of());
    }
  }

  /** From here on no more than so many requests are taken. */
  public void refuseBeyond(int most) {
    places = most;
  }

  /** From here on every request is refused with this. */
  public void refuseWith(RuntimeException refusal) {
    this.refusal = refusal;
  }

  /** The next request of the server's; waits for it. */
  public Submission next() throws InterruptedException {
    Submission next = submissions.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (next == null) {
      throw new AssertionError("no request came");
    }
    return next;
  }

  /** How many were taken. */
  public int submitted() {
    return taken.get();
  }

  /** How many have ended. */
  public int ended() {
    return ended.get();
  }

  @Override
  public Ticket submit(EngineRequest request, EngineListener listener) {
    RuntimeException refused = refusal;
    if (refused != null) {
      throw refused;
    }
    if (running.size() >= places) {
      throw new QueueFullException(running.size());
    }
    Submission submission = new Submission(request, listener);
    running.add(submission);
    taken.incrementAndGet();
    submissions.add(submission);
    Consumer<Submission> scripted = script;
    if (scripted != null) {
      scripted.accept(submission);
    }
    return new Ticket() {
      @Override
      public void cancel() {
        submission.cancel();
      }

      @Override
      public @Nullable ContextAttention attention(Duration atMost) {
        return submission.attention;
      }
    };
  }

  @Override
  public EngineStatus status() {
    return new EngineStatus(1, 2, 3, 4, 500, 1000, 60, 7, 80, 9, 10);
  }

  @Override
  public CacheStatus cacheStatus() {
    return new CacheStatus(11, 12, 13);
  }

  /** From here on {@link #drain} waits for {@link #releaseDrains}. */
  public void holdDrains() {
    drains = new CountDownLatch(1);
  }

  /** Lets it go on. */
  public void releaseDrains() {
    drains.countDown();
  }

  /** Waits until the server drains. */
  public void awaitDrain() throws InterruptedException {
    if (!draining.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("the server does not drain");
    }
  }

  @Override
  public boolean drain(Duration atMost) {
    draining.countDown();
    try {
      drains.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    List<Submission> cut = List.copyOf(running);
    cut.forEach(submission -> submission.end(FinishReason.CANCELLED));
    return cut.isEmpty();
  }

  @Override
  public void close() {
    thread.shutdown();
  }
}
