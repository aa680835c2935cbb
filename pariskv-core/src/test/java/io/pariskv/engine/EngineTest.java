package io.pariskv.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.fixtures.Fixtures;
import io.pariskv.generate.EveryThird;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Session;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.text.ChatMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What an engine answers, in which order, and from what it has already. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EngineTest {
  private static final int CHUNK = 100;
  private static final EngineOptions THREE = EngineOptions.defaults().withPlaces(3);

  private LanguageModel model;
  private int[] document;

  @BeforeAll
  void load() {
    model = LanguageModel.load(Fixtures.RECALL_MODEL,
        LoadOptions.defaults().withPrefillChunk(CHUNK));
    document = model.chatPrompt(
        List.of(new ChatMessage("user", Fixtures.recall("num-64").get("user").asString())));
  }

  @AfterAll
  void close() {
    model.close();
  }

  static List<AttentionMethod> methods() {
    return List.of(new FullAttention(),
        new ParisKv(new ParisKvConfig(16, 32, 8, 0, new RetrievalBudget(48, null, null))));
  }

  private static GenerationOptions greedy(int tokens) {
    return GenerationOptions.greedy(tokens).withIgnoreEos(true);
  }

  private static EngineRequest request(int[] prompt, GenerationOptions options) {
    return new EngineRequest(prompt, options, null);
  }

  private static Heard submit(Engine engine, int[] prompt, GenerationOptions options) {
    Heard heard = new Heard();
    engine.submit(request(prompt, options), heard);
    return heard;
  }

  private static GenerationResult alone(LanguageModel model, AttentionMethod method,
      EngineRequest request) {
    try (Session session = model.newSession(method)) {
      return session.generate(request.prompt(), request.options(), GenerationListener.NONE);
    }
  }

  /** The document's first tokens, which say little: many tokens are nearly as likely. */
  private int[] begin(int tokens) {
    return Arrays.copyOf(document, tokens);
  }

  private GenerationOptions constrained(int rest, int length) {
    return GenerationOptions.greedy(40).withConstraint(new EveryThird(rest, length,
        model.config().eosTokenIds().getFirst(), model.config().vocabSize()));
  }

  /** Lengths, samplers, constraints and ends of all kinds. */
  private List<EngineRequest> mixedRequests() {
    GenerationOptions hot = greedy(12).withTemperature(2);
    return List.of(request(begin(1), greedy(9)), request(begin(300), GenerationOptions.greedy(40)),
        request(begin(257), hot.withSeed(1)), request(begin(100), greedy(1)),
        request(begin(31), greedy(20).withRepetitionPenalty(1.5f)),
        request(begin(77), constrained(2, 14).withLogprobs(2)),
        request(begin(207), constrained(1, 25).withTemperature(2).withSeed(5)),
        request(begin(390), hot.withSeed(2).withTopK(20)), request(begin(101), hot.withMinP(0.01f)),
        request(document, GenerationOptions.greedy(40).withStop(List.of("is 33"))));
  }

  /** A GPU rounds one row otherwise than several: where many tokens are nearly as likely it may choose another one. */
  @ParameterizedTest
  @MethodSource("methods")
  void requestsOfAllKinds_areAnsweredAsInSessionsOfTheirOwn(AttentionMethod method) {
    List<EngineRequest> requests = mixedRequests();
    List<Heard> heard = new ArrayList<>();
    EngineOptions restless = THREE.withKeepTokens(0).withMaxStall(Duration.ofNanos(1));
    try (Engine engine = Engine.start(model, method, restless)) { // a step between any two layers
      requests.forEach(
          request -> heard.add(submit(engine, request.prompt(), request.options())));
      heard.forEach(Heard::result);
    }
    for (int i = 0; i < requests.size(); i++) {
      GenerationResult expected = alone(model, method, requests.get(i));
      GenerationResult found = heard.get(i).result();
      if (!Fixtures.CUDA || Arrays.equals(requests.get(i).prompt(), document)) {
        assertEquals(expected.tokens(), found.tokens(), "request " + i);
        assertEquals(expected.text(), found.text());
        assertEquals(expected.finishReason(), found.finishReason());
        assertEquals(expected.logprobs().size(), found.logprobs().size());
        for (int t = 0; t < expected.logprobs().size(); t++) {
          assertEquals(expected.logprobs().get(t).logprob(), found.logprobs().get(t).logprob(),
              1e-3);
        }
      }
      assertEquals(expected.promptTokens(), found.promptTokens());
      assertEquals(expected.attendedTokensMean(), found.attendedTokensMean(), 1e-9);
      assertEquals(expected.heldTokens(), found.heldTokens());
    }
  }

  @Test
  void everyCpuBackend_answersABatchAsAlone() {
    Assumptions.assumeFalse(Fixtures.CUDA, "a GPU rounds one row otherwise than several");
    int[] ids = new Random(20261123).ints(90, 0, 384).toArray();
    for (String backend : Fixtures.backends()) {
      try (LanguageModel small = LanguageModel.load(Fixtures.model("qwen3-tied"),
          Fixtures.options(backend).withPrefillChunk(16))) {
        List<EngineRequest> requests = Stream.of(3, 40, 17, 90)
            .map(n -> request(Arrays.copyOf(ids, n), greedy(6))).toList();
        List<Heard> heard;
        try (Engine engine = Engine.start(small, new FullAttention(), EngineOptions.defaults())) {
          heard = requests.stream().map(r -> submit(engine, r.prompt(), r.options())).toList();
          heard.forEach(Heard::result);
        }
        for (int i = 0; i < requests.size(); i++) {
          assertEquals(alone(small, new FullAttention(), requests.get(i)).tokens(),
              heard.get(i).tokens, backend);
        }
      }
    }
  }

  @Test
  void onePlace_answersInTheOrderOfArrival() {
    List<Integer> order = Collections.synchronizedList(new ArrayList<>());
    List<Heard> heard = new ArrayList<>();
    try (Engine engine = Engine.start(model, new FullAttention(), THREE.withPlaces(1))) {
      for (int i = 0; i < 5; i++) {
        int number = i;
        heard.add(new Heard() {
          @Override
          public void onEnd(GenerationResult end) {
            order.add(number);
            super.onEnd(end);
          }
        });
        engine.submit(request(begin(150 - 30 * i), greedy(3)), heard.getLast());
      }
      heard.forEach(Heard::result);
    }
    assertEquals(List.of(0, 1, 2, 3, 4), order);
  }

  @Test
  void longPrompt_holdsUpNeitherAShortOneNorThoseThatDecode() {
    Heard.Holding longPrompt = new Heard.Holding();
    List<Integer> progressAtToken = new ArrayList<>();
    Heard shortPrompt = new Heard() {
      @Override
      public boolean onToken(int token, String piece) {
        progressAtToken.add(longPrompt.progress.getLast());
        return super.onToken(token, piece);
      }
    };
    try (Engine engine = BatchingEngine.start(model, new FullAttention(), THREE.withChunk(16),
        10_000,
        () -> 0)) { // no chunk takes so long that a step comes within it, however busy the machine
      engine.submit(request(document, greedy(1)), longPrompt);
      engine.submit(request(begin(20), greedy(8)), shortPrompt);
      longPrompt.release();
      shortPrompt.result();
      longPrompt.result();
    }
    assertTrue(progressAtToken.getLast() < document.length, progressAtToken.toString());
    for (int i = 2; i < progressAtToken.size(); i++) {
      int between = progressAtToken.get(i) - progressAtToken.get(i - 1);
      assertTrue(between > 0 && between <= 16, progressAtToken.toString());
    }
  }

  @Test
  void streamsHaveTheirSteps_whileLayersOfALongPromptTakeLong() {
    AtomicLong clock = new AtomicLong();
    List<Integer> progressAtToken = new ArrayList<>();
    Heard.Holding longPrompt = new Heard.Holding();
    Heard stream = new Heard() {
      @Override
      public boolean onToken(int token, String piece) {
        progressAtToken.add(longPrompt.progress.getLast());
        return super.onToken(token, piece);
      }
    };
    EngineOptions options = THREE.withMaxStall(Duration.ofMillis(100));
    try (Engine engine = BatchingEngine.start(model, new FullAttention(), options, 10_000,
        () -> clock.addAndGet(30_000_000))) { // a question and a step look at it a few times
      engine.submit(request(document, greedy(1)), longPrompt);
      engine.submit(request(begin(20), greedy(30)), stream);
      longPrompt.release();
      stream.result();
      longPrompt.result();
    }
    long inTheFirstChunks = progressAtToken.stream().filter(done -> done <= 3 * CHUNK).count();
    assertTrue(inTheFirstChunks > 3 + 2, "a step a chunk is not enough: " + progressAtToken);
  }

  @ParameterizedTest
  @MethodSource("methods")
  void promptThatGoesOn_takesTheCacheOfTheOneBefore_andAnswersAsASessionDoes(
      AttentionMethod method) {
    int[] other = new Random(3).ints(300, 0, model.config().vocabSize()).toArray();
    try (Engine engine = Engine.start(model, method, THREE)) {
      int[] prompt = begin(500);
      GenerationResult first = submit(engine, prompt, greedy(20)).result();
      submit(engine, other, greedy(3)).result();
      GenerationResult again = submit(engine, prompt, greedy(20)).result();
      int[] longer = IntStream.concat(IntStream.concat(Arrays.stream(prompt),
          first.tokens().stream().mapToInt(Integer::intValue)), IntStream.of(5, 6, 7)).toArray();
      GenerationResult second = submit(engine, longer, greedy(20)).result();
      assertEquals(0, first.cachedTokens());
      assertEquals(prompt.length - 1, again.cachedTokens());
      assertEquals(again.heldTokens(), second.cachedTokens());
      assertEquals(prompt.length - 1L + second.cachedTokens(), engine.status().cachedTokens());
      if (!Fixtures.CUDA) { // which rounds a prompt's last token in another way when the rest is cached
        assertEquals(first.tokens(), again.tokens());
        assertEquals(afterTwoTurns(method, prompt, longer), second.tokens());
      }
    }
  }

  /** What a session answers second that answered the first prompt before. */
  private List<Integer> afterTwoTurns(AttentionMethod method, int[] first, int[] second) {
    try (Session session = model.newSession(method)) {
      session.generate(first, greedy(20), GenerationListener.NONE);
      return session.generate(second, greedy(20), GenerationListener.NONE).tokens();
    }
  }

  /** As where an engine is closed by hand and by a try as well: on a GPU the thread that closes must not take it from the next. */
  @Test
  void anEngineThatIsClosedTwice_leavesTheNextOneAlone() {
    Engine first = Engine.start(model, new FullAttention(), THREE);
    first.close();
    try (Engine second = Engine.start(model, new FullAttention(), THREE)) {
      List<Integer> before = submit(second, document, greedy(4)).result().tokens();
      first.close();
      assertEquals(before, submit(second, document, greedy(4)).result().tokens());
    }
  }
}
