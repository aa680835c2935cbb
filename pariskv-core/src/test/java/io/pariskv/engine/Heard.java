package io.pariskv.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.generate.GenerationResult;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A listener that remembers what it heard; tests override what they act on. */
class Heard implements EngineListener {
  /** Far beyond what any test takes. */
  private static final int SECONDS = 120;

  final List<Integer> progress = new ArrayList<>();
  final List<Integer> tokens = new ArrayList<>();
  private final StringBuilder text = new StringBuilder();
  private final AtomicInteger ends = new AtomicInteger();
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile @Nullable GenerationResult result;
  private volatile @Nullable Exception failure;

  @Override
  public boolean onPrefill(int done, int total) {
    progress.add(done);
    return true;
  }

  @Override
  public boolean onToken(int token, String piece) {
    tokens.add(token);
    text.append(piece);
    return true;
  }

  @Override
  public void onEnd(GenerationResult end) {
    result = end;
    ends.incrementAndGet();
    ended.countDown();
  }

  @Override
  public void onFailure(Exception e) {
    failure = e;
    ends.incrementAndGet();
    ended.countDown();
  }

  /** How often it was told of an end. */
  int ends() {
    return ends.get();
  }

  @Nullable
  Exception failureOrNull() {
    return failure;
  }

  /** Waits for the end, which must be no failure. */
  GenerationResult result() {
    awaitLatch(ended);
    GenerationResult end = result;
    if (end == null) {
      throw new AssertionError("the request failed", failure);
    }
    assertEquals(1, ends());
    assertEquals(end.tokens(), tokens);
    assertEquals(end.text(), text.toString());
    return end;
  }

  /** Waits for the end, which must be a failure. */
  Exception failure() {
    awaitLatch(ended);
    Exception e = failure;
    if (e == null) {
      throw new AssertionError("the request ended: " + result);
    }
    assertEquals(1, ends());
    return e;
  }

  static void awaitLatch(CountDownLatch latch) {
    try {
      assertTrue(latch.await(SECONDS, TimeUnit.SECONDS), "waited for " + SECONDS + " s");
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Holds the engine's thread at the first progress until {@link #release}. */
  static final class Holding extends Heard {
    private final CountDownLatch held = new CountDownLatch(1);
    private final CountDownLatch released = new CountDownLatch(1);

    @Override
    public boolean onPrefill(int done, int total) {
      held.countDown();
      awaitLatch(released);
      return super.onPrefill(done, total);
    }

    /** Waits until the engine's thread is held. */
    void awaitHeld() {
      awaitLatch(held);
    }

    void release() {
      released.countDown();
    }
  }
}
