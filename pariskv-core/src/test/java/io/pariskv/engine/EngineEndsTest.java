package io.pariskv.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.fixtures.Fixtures;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Session;
import io.pariskv.method.FullAttention;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** How requests end that do not run to their end, and who is refused. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EngineEndsTest {
  private static final int CHUNK = 32;
  private static final EngineOptions TWO = EngineOptions.defaults().withPlaces(2)
      .withMaxQueue(2).withChunk(CHUNK).withKeepTokens(0);
  private static final int[] PROMPT = new Random(20261123).ints(400, 0, 384).toArray();
  private static final int[] OTHER = new Random(4).ints(30, 0, 384).toArray();
  private static final GenerationOptions LONG = GenerationOptions.greedy(3_000).withIgnoreEos(true);
  private static final GenerationOptions FIVE = GenerationOptions.greedy(5).withIgnoreEos(true);

  private LanguageModel model;
  private List<Integer> five;

  @BeforeAll
  void load() {
    model = LanguageModel.load(Fixtures.model("qwen3-tied"),
        LoadOptions.defaults().withBackend("vector").withPrefillChunk(64));
    try (Session session = model.newSession(new FullAttention())) {
      five = session.generate(OTHER, FIVE, GenerationListener.NONE).tokens();
    }
  }

  @AfterAll
  void close() {
    model.close();
  }

  private Engine start(EngineOptions options) {
    return Engine.start(model, new FullAttention(), options);
  }

  private static <H extends Heard> H submit(Engine engine, int[] prompt, GenerationOptions options,
      H heard) {
    engine.submit(new EngineRequest(prompt, options, null), heard);
    return heard;
  }

  /** Others are answered as if nothing had happened, and nothing is held. */
  private void assertServes(Engine engine) {
    assertEquals(five, submit(engine, OTHER, FIVE, new Heard()).result().tokens());
    EngineStatus status = engine.status();
    assertEquals(0, status.waiting() + status.prefilling() + status.decoding());
    assertEquals(0, status.heldTokens());
  }

  @Test
  void cancelledInPrefill_endsWithinAChunk() {
    CompletableFuture<Engine.Ticket> ticket = new CompletableFuture<>();
    Heard heard = new Heard() {
      @Override
      public boolean onPrefill(int done, int total) {
        if (done > 0) {
          ticket.join().cancel();
        }
        return super.onPrefill(done, total);
      }
    };
    try (Engine engine = start(TWO)) {
      ticket.complete(engine.submit(new EngineRequest(PROMPT, LONG, null), heard));
      GenerationResult result = heard.result();
      assertEquals(FinishReason.CANCELLED, result.finishReason());
      assertEquals(List.of(0, CHUNK), heard.progress);
      assertEquals(CHUNK, result.heldTokens());
      assertEquals(PROMPT.length, result.promptTokens());
      assertServes(engine);
    }
  }

  @Test
  void cancelledInDecode_endsWithinAStep_andTheOtherGoesOn() {
    CompletableFuture<Engine.Ticket> ticket = new CompletableFuture<>();
    Heard heard = new Heard() {
      @Override
      public boolean onToken(int token, String piece) {
        if (tokens.size() == 3) {
          ticket.join().cancel();
        }
        return super.onToken(token, piece);
      }
    };
    try (Engine engine = start(TWO)) {
      ticket.complete(engine.submit(new EngineRequest(OTHER, LONG, null), heard));
      Heard other = submit(engine, OTHER, FIVE, new Heard());
      assertEquals(4, heard.result().tokens().size());
      assertEquals(FinishReason.CANCELLED, heard.result().finishReason());
      assertEquals(five, other.result().tokens());
      ticket.join().cancel(); // without effect
      assertServes(engine);
      assertEquals(1, heard.ends());
    }
  }

  @Test
  void listenerThatSaysNo_endsItsRequest() {
    try (Engine engine = start(TWO)) {
      Heard inPrefill = submit(engine, PROMPT, LONG, new Heard() {
        @Override
        public boolean onPrefill(int done, int total) {
          return super.onPrefill(done, total) && done < 100;
        }
      });
      Heard inDecode = submit(engine, OTHER, LONG, new Heard() {
        @Override
        public boolean onToken(int token, String piece) {
          return super.onToken(token, piece) && tokens.size() < 7;
        }
      });
      assertEquals(0, inPrefill.result().tokens().size());
      assertEquals(7, inDecode.result().tokens().size());
      assertEquals(FinishReason.CANCELLED, inDecode.result().finishReason());
      assertServes(engine);
    }
  }

  @Test
  void moreThanMayWait_areRefused_andThoseThatWaitCanBeCancelled() {
    Heard.Holding first = new Heard.Holding();
    List<Heard> heard = new ArrayList<>(List.of(first));
    List<Engine.Ticket> tickets = new ArrayList<>();
    try (Engine engine = start(TWO)) {
      submit(engine, OTHER, FIVE, first);
      first.awaitHeld();
      for (int i = 1; i < 4; i++) {
        heard.add(new Heard());
        tickets.add(engine.submit(new EngineRequest(OTHER, FIVE, null), heard.getLast()));
      }
      Heard refused = new Heard();
      assertEquals(3, engine.status().waiting());
      assertThrows(QueueFullException.class, () -> submit(engine, OTHER, FIVE, refused));
      tickets.get(1).cancel();
      first.release();
      for (Heard each : heard) {
        boolean cancelled = each.equals(heard.get(2));
        assertEquals(cancelled ? List.of() : five, each.result().tokens());
        assertEquals(cancelled ? FinishReason.CANCELLED : FinishReason.LENGTH,
            each.result().finishReason());
      }
      assertServes(engine);
      assertEquals(0, refused.ends());
      assertEquals(5, engine.status().ended());
    }
  }

  @Test
  void deadline_endsWithWhatThereIs() {
    Duration deadline = Duration.ofMillis(50);
    long start = System.nanoTime();
    try (Engine engine = start(TWO)) {
      Heard decoding = new Heard() {
        @Override
        public boolean onToken(int token, String piece) {
          while (Duration.ofNanos(System.nanoTime() - start).compareTo(deadline) <= 0) {
            Thread.onSpinWait();
          }
          return super.onToken(token, piece);
        }
      };
      engine.submit(new EngineRequest(OTHER, LONG, deadline), decoding);
      Heard waiting = new Heard();
      engine.submit(new EngineRequest(OTHER, LONG, Duration.ZERO), waiting);
      Heard unhurried = new Heard();
      engine.submit(new EngineRequest(OTHER, FIVE, Duration.ofSeconds(Long.MAX_VALUE)), unhurried);
      assertEquals(FinishReason.DEADLINE, decoding.result().finishReason());
      assertEquals(FinishReason.DEADLINE, waiting.result().finishReason());
      assertEquals(0, waiting.result().tokens().size());
      assertEquals(five, unhurried.result().tokens());
      assertServes(engine);
    }
  }

  @Test
  void listenerThatThrows_failsItsRequestAlone() {
    IllegalStateException broken = new IllegalStateException("the connection is gone");
    try (Engine engine = start(TWO)) {
      Heard inPrefill = submit(engine, PROMPT, LONG, new Heard() {
        @Override
        public boolean onPrefill(int done, int total) {
          throw broken;
        }
      });
      Heard inDecode = submit(engine, OTHER, LONG, new Heard() {
        @Override
        public boolean onToken(int token, String piece) {
          throw new StackOverflowError();
        }
      });
      Heard other = submit(engine, OTHER, FIVE, new Heard());
      assertSame(broken, inPrefill.failure());
      assertInstanceOf(StackOverflowError.class, inDecode.failure().getCause());
      assertEquals(five, other.result().tokens());
      assertServes(engine);
      assertEquals(2, engine.status().failed());
    }
  }

  @Test
  void listenerThatThrowsWhenToldOfTheEnd_isReportedAsOfTheThread() {
    IllegalStateException broken = new IllegalStateException("the connection is gone");
    CompletableFuture<Throwable> reported = new CompletableFuture<>();
    try (Engine engine = start(TWO)) {
      submit(engine, OTHER, FIVE, new Heard() {
        @Override
        public void onEnd(GenerationResult end) {
          Thread.currentThread().setUncaughtExceptionHandler((thread, e) -> reported.complete(e));
          throw broken;
        }
      });
      assertSame(broken, reported.join());
      assertServes(engine);
    }
  }

  @Test
  void modelThatFails_failsAllRequests_andLaterOnesAreRefusedWithTheCause() {
    FailingMethod method = new FailingMethod();
    IllegalStateException failure = new IllegalStateException("the machine is broken");
    Heard.Holding held = new Heard.Holding();
    try (Engine engine = Engine.start(model, method, TWO)) {
      assertServes(engine);
      submit(engine, OTHER, LONG, held);
      held.awaitHeld();
      List<Heard> others = List.of(new Heard(), new Heard(), new Heard());
      others.forEach(other -> submit(engine, OTHER, LONG, other));
      method.failures().add(failure);
      held.release();
      assertSame(failure, held.failure());
      others.forEach(other -> assertSame(failure, other.failure()));
      assertEquals(4, engine.status().failed());
      assertTrue(engine.drain(Duration.ofMinutes(5)));
      EngineStoppedException e = assertThrows(EngineStoppedException.class,
          () -> submit(engine, OTHER, FIVE, new Heard()));
      assertSame(failure, e.getCause());
    }
    assertServes();
  }

  @Test
  void memoryThatRunsOutInDecode_failsOneOfTheBatch_onceNothingIsKept() {
    FailingMethod method = new FailingMethod();
    try (Engine engine = Engine.start(model, method, TWO.withPlaces(3).withKeepTokens(1_000))) {
      submit(engine, PROMPT, FIVE, new Heard()).result();
      assertEquals(PROMPT.length + 4, engine.status().heldTokens());
      Heard.Holding first = submit(engine, OTHER, FIVE, new Heard.Holding());
      Heard last = submit(engine, OTHER, FIVE, new Heard() {
        @Override
        public boolean onToken(int token, String piece) {
          method.failures().add(new OutOfMemoryError("no slab is free"));
          method.failures().add(new OutOfMemoryError("no slab is free, again"));
          return super.onToken(token, piece);
        }
      });
      first.release();
      assertEquals(five, first.result().tokens());
      assertTrue(String.valueOf(last.failure().getMessage()).contains("again"));
      assertEquals(1, last.tokens.size());
    }
  }

  @Test
  void drained_itEndsWhatItHasAndTakesNoMore() {
    try (Engine engine = start(TWO)) {
      List<Heard> heard = List.of(new Heard(), new Heard(), new Heard());
      heard.forEach(each -> submit(engine, OTHER, FIVE, each));
      assertTrue(engine.drain(Duration.ofMinutes(5)));
      heard.forEach(each -> assertEquals(1, each.ends()));
      heard.forEach(each -> assertEquals(five, each.result().tokens()));
      EngineStoppedException e = assertThrows(EngineStoppedException.class,
          () -> submit(engine, OTHER, FIVE, new Heard()));
      assertEquals(null, e.getCause());
    }
  }

  @Test
  void drainedForTooShortATime_andClosed_itCancelsWhatItHas() {
    CountDownLatch decodes = new CountDownLatch(1);
    Heard decoding = new Heard() {
      @Override
      public boolean onToken(int token, String piece) {
        decodes.countDown();
        return super.onToken(token, piece);
      }
    };
    Heard closed = new Heard();
    try (Engine engine = start(TWO)) {
      submit(engine, OTHER, LONG, decoding);
      Heard.awaitLatch(decodes);
      assertFalse(engine.drain(Duration.ZERO));
      assertEquals(1, decoding.ends());
      assertEquals(FinishReason.CANCELLED, decoding.result().finishReason());
    }
    try (Engine engine = start(TWO)) {
      submit(engine, PROMPT, LONG, closed);
    }
    assertEquals(1, closed.ends());
    assertEquals(FinishReason.CANCELLED, closed.result().finishReason());
  }

  @Test
  void listenerThatWaitsForItsOwnThread_isToldSo() {
    try (Engine engine = start(TWO)) {
      Heard heard = submit(engine, OTHER, FIVE, new Heard() {
        @Override
        public boolean onToken(int token, String piece) {
          return engine.drain(Duration.ZERO);
        }
      });
      assertTrue(String.valueOf(heard.failure().getMessage()).contains("use another thread"));
      assertServes(engine);
    }
  }

  @Test
  void requestThatCannotBeServed_isRefusedWithBothNumbers() {
    try (Engine engine = BatchingEngine.start(model, new FullAttention(), TWO, 300,
        System::nanoTime)) {
      assertRefused(engine, new int[0], "no tokens");
      assertRefused(engine, new int[]{384}, "384", "383");
      assertRefused(engine, PROMPT, "400", "300");
      assertServes(engine);
      Heard cut = submit(engine, Arrays.copyOf(PROMPT, 298), FIVE, new Heard());
      assertEquals(2, cut.result().tokens().size());
      assertEquals(FinishReason.LENGTH, cut.result().finishReason());
    }
    assertRefused(TWO.withPlaces(100), "places 100", "64");
    assertRefused(TWO.withChunk(65), "chunk 65", "64");
    assertThrows(InputException.class, () -> TWO.withPlaces(0));
    assertServes();
  }

  /** The model can be driven by this thread again. */
  private void assertServes() {
    try (Session session = model.newSession(new FullAttention())) {
      assertEquals(five, session.generate(OTHER, FIVE, GenerationListener.NONE).tokens());
    }
  }

  private static void assertRefused(Engine engine, int[] prompt, String... parts) {
    Heard heard = new Heard();
    assertSays(assertThrows(InputException.class, () -> submit(engine, prompt, FIVE, heard)),
        parts);
    assertEquals(0, heard.ends());
  }

  private void assertRefused(EngineOptions options, String... parts) {
    assertSays(assertThrows(InputException.class, () -> start(options).close()), parts);
  }

  private static void assertSays(InputException e, String... parts) {
    for (String part : parts) {
      assertTrue(String.valueOf(e.getMessage()).contains(part), e::getMessage);
    }
  }
}
