package io.pariskv.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.fixtures.Fixtures;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Session;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Requests that begin with the same tokens as others that run compute them once, and answer as if each had done it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EngineSharingTest {
  private static final int CHUNK = 32;
  private static final int DOCUMENT = 10 * CHUNK + 7;
  private static final EngineOptions FOUR = EngineOptions.defaults().withPlaces(4).withChunk(CHUNK)
      .withKeepTokens(0);
  private static final GenerationOptions TEN = GenerationOptions.greedy(10).withIgnoreEos(true);
  private static final int[] IDS = new Random(20261123).ints(1_000, 0, 384).toArray();

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

  static List<AttentionMethod> methods() {
    return List.of(new FullAttention(),
        new ParisKv(new ParisKvConfig(16, 32, 8, 0, new RetrievalBudget(48, null, null))));
  }

  /** The document and a question of its own. */
  private static int[] prompt(int question, int tokens) {
    return IntStream.concat(Arrays.stream(IDS, 0, DOCUMENT),
        Arrays.stream(IDS, 400 + question, 400 + question + tokens)).toArray();
  }

  private static <H extends Heard> H submit(Engine engine, int[] prompt, H heard) {
    engine.submit(new EngineRequest(prompt, TEN, null), heard);
    return heard;
  }

  private List<Integer> alone(AttentionMethod method, int[] prompt) {
    try (Session session = model.newSession(method)) {
      return session.generate(prompt, TEN, GenerationListener.NONE).tokens();
    }
  }

  /** A GPU rounds a pass of few rows otherwise than one of many, and a step otherwise than a batch. */
  private void assertAnswers(AttentionMethod method, int[] prompt, Heard heard) {
    List<Integer> tokens = heard.result().tokens();
    if (!Fixtures.CUDA) {
      assertEquals(alone(method, prompt), tokens);
    }
  }

  @ParameterizedTest
  @MethodSource("methods")
  void requestsAboutTheSameDocument_readItOnce(AttentionMethod method) {
    List<int[]> prompts = IntStream.range(0, 7).mapToObj(i -> prompt(11 * i, 3 + 20 * i)).toList();
    List<Heard> heard = new ArrayList<>();
    try (Engine engine = Engine.start(model, method, FOUR)) {
      Heard.Holding first = submit(engine, prompts.getFirst(), new Heard.Holding());
      heard.add(first);
      prompts.stream().skip(1).forEach(each -> heard.add(submit(engine, each, new Heard())));
      first.release();
      heard.forEach(Heard::result);
      for (int i = 1; i < 4; i++) { // those that have a place with the first
        assertEquals(DOCUMENT, heard.get(i).result().cachedTokens(), "request " + i);
      }
      assertEquals(0, first.result().cachedTokens());
      assertTrue(engine.status().cachedTokens() >= 3 * DOCUMENT, () -> "" + engine.status());
    }
    for (int i = 0; i < prompts.size(); i++) {
      assertAnswers(method, prompts.get(i), heard.get(i));
    }
  }

  @ParameterizedTest
  @MethodSource("methods")
  void readerThatGoesAway_leavesWhatItReadToOthers(AttentionMethod method) {
    CompletableFuture<Engine.Ticket> ticket = new CompletableFuture<>();
    Heard reader = new Heard() {
      @Override
      public boolean onPrefill(int done, int total) {
        if (done >= 5 * CHUNK) {
          ticket.join().cancel();
        }
        return super.onPrefill(done, total);
      }
    };
    int[] prompt = prompt(0, 40);
    try (Engine engine = Engine.start(model, method, FOUR)) {
      ticket.complete(engine.submit(new EngineRequest(prompt, TEN, null), reader));
      Heard second = submit(engine, prompt, new Heard());
      Heard third = submit(engine, prompt(3, 40), new Heard());
      assertEquals(FinishReason.CANCELLED, reader.result().finishReason());
      assertAnswers(method, prompt, second);
      assertAnswers(method, prompt(3, 40), third);
      assertEquals(0, engine.status().heldTokens());
    }
  }

  @Test
  void requestThatDecodes_givesItsPromptToOthers() {
    AttentionMethod method = new FullAttention();
    int[] prompt = prompt(0, 40);
    CompletableFuture<Heard> other = new CompletableFuture<>();
    try (Engine engine = Engine.start(model, method, FOUR)) {
      Heard first = submit(engine, prompt, new Heard() {
        @Override
        public boolean onToken(int token, String piece) {
          if (tokens.size() == 4) {
            other.complete(submit(engine, prompt, new Heard()));
          }
          return super.onToken(token, piece);
        }
      });
      assertEquals(prompt.length - 1, other.join().result().cachedTokens());
      assertAnswers(method, prompt, first);
      assertAnswers(method, prompt, other.join());
    }
  }

  @Test
  void conversationThatIsKept_isCopiedAsFarAsAnotherBeginsLikeIt() {
    AttentionMethod method = new FullAttention();
    int[] greeting = Arrays.copyOf(IDS, 50);
    int[] other = IntStream.concat(Arrays.stream(greeting), Arrays.stream(IDS, 700, 900)).toArray();
    try (Engine engine = Engine.start(model, method, FOUR.withKeepTokens(10_000))) {
      submit(engine, prompt(0, 40), new Heard()).result();
      Heard heard = submit(engine, other, new Heard());
      assertEquals(50, heard.result().cachedTokens());
      assertAnswers(method, other, heard);
      assertEquals(prompt(0, 40).length - 1,
          submit(engine, prompt(0, 40), new Heard()).result().cachedTokens());
    }
  }
}
