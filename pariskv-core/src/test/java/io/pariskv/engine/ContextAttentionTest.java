package io.pariskv.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.engine.ContextAttention.State;
import io.pariskv.fixtures.Fixtures;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.kv.TokenZones;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.CountedMethod;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.SelectedPlaces;
import io.pariskv.retrieve.RetrievalBudget;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** What an engine tells of where a request's steps select. */
@Timeout(120)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ContextAttentionTest {
  private static final int K = 20;
  private static final int PROMPT = 300;
  private static final Duration LONG = Duration.ofSeconds(60);
  private static final AttentionMethod METHOD = new ParisKv(
      new ParisKvConfig(16, 32, 8, 0, new RetrievalBudget(K, 1.0, 0.5)));
  private static final EngineOptions ONE = EngineOptions.defaults().withPlaces(1);

  private LanguageModel model;

  @BeforeAll
  void load() {
    model = LanguageModel.load(Fixtures.RECALL_MODEL,
        LoadOptions.defaults().withContext(32_768));
  }

  @AfterAll
  void close() {
    model.close();
  }

  private EngineRequest request(int tokens) {
    int[] prompt = new Random(7).ints(PROMPT, 10, model.config().vocabSize()).toArray();
    return new EngineRequest(prompt, GenerationOptions.greedy(tokens).withIgnoreEos(true), null);
  }

  private static ContextAttention look(Engine.Ticket ticket, Duration atMost) {
    return Objects.requireNonNull(ticket.attention(atMost));
  }

  /** Once the prompt has been read. */
  private static ContextAttention lookAtDecode(Engine.Ticket ticket) {
    ContextAttention seen = look(ticket, LONG);
    while (seen.state() == State.QUEUED || seen.state() == State.PREFILL) {
      seen = look(ticket, LONG);
    }
    return seen;
  }

  /** Keys that a step selects, in all layers. */
  private long keysOfStep() {
    return (long) model.config().layers() * model.config().kvHeads() * K;
  }

  @Test
  void runningRequest_tellsWhereItsStepsSelect_andOneThatEndedHowItWasAtLast() {
    try (Engine engine = Engine.start(model, new CountedMethod(METHOD), ONE)) {
      Heard heard = new Heard();
      Engine.Ticket ticket = engine.submit(request(30_000), heard); // it is cancelled before
      ContextAttention seen = lookAtDecode(ticket);
      assertEquals(State.DECODE, seen.state());
      assertKeys(seen);
      assertEquals(PROMPT, seen.promptTokens());
      assertEquals(16, seen.zones().sinkEnd());
      assertEquals(0, engine.cacheStatus().keptTokens());
      assertTrue(engine.cacheStatus().hostBytes() + engine.cacheStatus().gpuBytes() > 0);
      ticket.cancel();
      GenerationResult result = heard.result();
      ContextAttention last = look(ticket, LONG);
      assertEquals(State.ENDED, last.state());
      assertEquals(result.tokens().size() - 1, assertKeys(last).steps());
      assertEquals(result.heldTokens(), last.zones().length());
    }
  }

  private SelectedPlaces assertKeys(ContextAttention seen) {
    SelectedPlaces places = seen.places();
    assertNotNull(places);
    assertEquals(places.steps() * keysOfStep(), Arrays.stream(places.sums()).sum());
    TokenZones zones = seen.zones();
    int bins = Math.ceilDiv(zones.recentStart(), places.binTokens());
    assertEquals(0, Arrays.stream(places.sums()).skip(bins).sum());
    places.latest().forEach(step -> assertEquals(keysOfStep(), Arrays.stream(step).sum()));
    return places;
  }

  @Test
  void requestThatWaits_isQueued_andAMethodThatIsNotCountedTellsItsZonesAlone() {
    try (Engine engine = Engine.start(model, METHOD, ONE)) {
      Heard.Holding first = new Heard.Holding();
      Heard second = new Heard();
      Engine.Ticket running = engine.submit(request(3), first);
      first.awaitHeld();
      Engine.Ticket waiting = engine.submit(request(2), second);
      ContextAttention queued = look(waiting, Duration.ofMillis(1));
      assertEquals(State.QUEUED, queued.state());
      assertEquals(0, queued.zones().length());
      first.release();
      ContextAttention seen = lookAtDecode(running);
      assertNull(seen.places());
      assertTrue(seen.zones().length() >= PROMPT, seen::toString);
      waiting.cancel();
      running.cancel();
      second.result();
      assertEquals(State.ENDED, look(waiting, LONG).state());
      first.result();
    }
  }
}
