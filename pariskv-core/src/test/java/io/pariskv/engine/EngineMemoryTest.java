package io.pariskv.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.fixtures.Fixtures;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What an engine keeps, what it waits for, and that it gives all of it back. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EngineMemoryTest {
  private static final long SEED = 20261123;
  private static final EngineOptions FOUR = EngineOptions.defaults().withPlaces(4)
      .withMaxQueue(1_000).withChunk(32).withKeepTokens(0);
  private static final int[] IDS = new Random(SEED).ints(2_000, 0, 384).toArray();
  private static final GenerationOptions FIVE = GenerationOptions.greedy(5).withIgnoreEos(true);

  private static final GenerationOptions TWENTY = FIVE.withMaxTokens(20);
  private static final AttentionMethod SPARSE = new ParisKv(
      new ParisKvConfig(16, 32, 8, 0, new RetrievalBudget(48, null, null)));

  private LanguageModel model;

  @BeforeAll
  void load() {
    model = LanguageModel.load(Fixtures.model("qwen3-tied"),
        LoadOptions.defaults().withPrefillChunk(64));
  }

  @AfterAll
  void close() {
    model.close();
  }

  private static int[] prompt(int from, int tokens) {
    return Arrays.copyOfRange(IDS, from, from + tokens);
  }

  private static Heard submit(Engine engine, int[] prompt) {
    Heard heard = new Heard();
    engine.submit(new EngineRequest(prompt, FIVE, null), heard);
    return heard;
  }

  private static int cached(Engine engine, int[] prompt) {
    return submit(engine, prompt).result().cachedTokens();
  }

  @Test
  void keptTokens_stayWithinTheBudget_andThoseUsedLastStay() {
    try (Engine engine = Engine.start(model, new FullAttention(), FOUR.withKeepTokens(350))) {
      assertEquals(0, cached(engine, prompt(0, 100)));
      assertEquals(0, cached(engine, prompt(500, 100)));
      assertEquals(0, cached(engine, prompt(1_000, 100)));
      assertEquals(99, cached(engine, prompt(0, 100)));
      assertEquals(0, cached(engine, prompt(1_500, 100)), "the second is dropped");
      assertEquals(3 * 104, engine.status().heldTokens());
      assertEquals(99, cached(engine, prompt(0, 100)));
      assertEquals(99, cached(engine, prompt(1_000, 100)));
      assertEquals(0, cached(engine, prompt(500, 100)));
      assertEquals(0, cached(engine, prompt(1_600, 400)), "longer than the budget");
      assertTrue(engine.status().heldTokens() <= 350);
    }
  }

  @Test
  void keptCache_givesWayToARequestWithoutPlace_andIsNotCutToAFewSharedTokens() {
    try (Engine engine = Engine.start(model, new FullAttention(),
        FOUR.withPlaces(2).withKeepTokens(10_000))) {
      int[] other = prompt(0, 400);
      Arrays.fill(other, 20, 400, 7);
      assertEquals(0, cached(engine, prompt(0, 400)));
      assertEquals(20, cached(engine, other), "copied");
      assertEquals(399, cached(engine, prompt(0, 400)));
      assertEquals(0, cached(engine, prompt(1_000, 50)));
      assertEquals(0, cached(engine, other), "it was the oldest");
      assertEquals(49, cached(engine, prompt(1_000, 50)));
    }
  }

  @Test
  void requestThatDoesNotFitBesideOthers_waits_andIsNotOvertaken() {
    List<String> order = Collections.synchronizedList(new ArrayList<>());
    try (Engine engine = BatchingEngine.start(model, new FullAttention(),
        FOUR.withKeepTokens(10_000), 600, System::nanoTime)) {
      Heard.Holding first = new Heard.Holding();
      engine.submit(new EngineRequest(prompt(0, 300), FIVE, null), first);
      first.awaitHeld();
      Heard large = new Heard() {
        @Override
        public boolean onPrefill(int done, int total) {
          order.add("large");
          assertEquals(1, first.ends());
          return super.onPrefill(done, total);
        }
      };
      Heard small = new Heard() {
        @Override
        public boolean onPrefill(int done, int total) {
          order.add("small");
          return super.onPrefill(done, total);
        }
      };
      engine.submit(new EngineRequest(prompt(400, 300), FIVE, null), large);
      engine.submit(new EngineRequest(prompt(800, 10), FIVE, null), small);
      first.release();
      large.result();
      small.result();
      assertEquals("large", order.getFirst());
      assertEquals(600, engine.status().roomTokens());
      assertTrue(engine.status().heldTokens() <= 600, () -> engine.status().toString());
    }
  }

  @Test
  void manyRequestsWithRandomEnds_eachEndOnce_andAllMemoryIsGivenBack() throws Exception {
    Random random = new Random(SEED);
    List<Caller> callers = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      callers.add(new Caller(random));
    }
    EngineOptions restless = FOUR.withMaxStall(Duration.ofNanos(1)); // a step between any two layers
    try (BatchingEngine engine = BatchingEngine.start(model, SPARSE, restless, 4_000,
        System::nanoTime)) {
      submit(engine, prompt(0, 10)).result();
      long atFirst = engine.cacheBytes();
      List<Thread> threads = callers.stream()
          .map(caller -> Thread.ofVirtual().start(() -> caller.submitTo(engine))).toList();
      for (Thread thread : threads) {
        thread.join();
      }
      assertTrue(engine.drain(Duration.ofMinutes(5)), "seed " + SEED);
      callers.forEach(caller -> assertEquals(1, caller.ends(), "seed " + SEED));
      EngineStatus status = engine.status();
      assertEquals(callers.stream().filter(caller -> caller.failureOrNull() != null).count(),
          status.failed());
      assertEquals(201, status.ended() + status.failed());
      assertEquals(0, status.waiting() + status.prefilling() + status.decoding());
      assertEquals(0, status.heldTokens());
      assertEquals(atFirst, engine.cacheBytes());
    }
    assertTrue(Thread.getAllStackTraces().keySet().stream()
        .noneMatch(thread -> thread.getName().equals("engine")));
    assertEquals(5, callers.stream().map(Caller::kind).distinct().count());
  }

  /** A request that ends by itself or in one of several other ways. */
  private static final class Caller extends Heard {
    private final CompletableFuture<Engine.Ticket> ticket = new CompletableFuture<>();
    private final int[] prompt;
    private final int kind;
    private final int atProgress;
    private final int atToken;

    Caller(Random random) {
      prompt = prompt(random.nextInt(1_000), 1 + random.nextInt(random.nextInt(1, 700)));
      kind = random.nextInt(5);
      atProgress = random.nextBoolean() ? random.nextInt(prompt.length) : Integer.MAX_VALUE;
      atToken = 1 + random.nextInt(20);
    }

    int kind() {
      return kind;
    }

    void submitTo(Engine engine) {
      ticket.complete(engine.submit(new EngineRequest(prompt, TWENTY, null), this));
      if (kind == 1) {
        ticket.join().cancel(); // wherever it is
      }
    }

    @Override
    public boolean onPrefill(int done, int total) {
      return super.onPrefill(done, total) && (done < atProgress || act());
    }

    @Override
    public boolean onToken(int token, String piece) {
      return super.onToken(token, piece) && (tokens.size() < atToken || act());
    }

    /** Whether to go on. */
    private boolean act() {
      switch (kind) {
        case 2 -> ticket.join().cancel();
        case 3 -> throw new IllegalStateException("the connection is gone");
        default -> { // goes on, or says no
        }
      }
      return kind != 4;
    }
  }
}
