package io.pariskv.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.fixtures.Fixtures;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.text.ChatMessage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A session generates, remembers and recovers, whatever the method. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SessionTest {
  private LanguageModel model;

  @BeforeAll
  void load() {
    model = LanguageModel.load(Fixtures.RECALL_MODEL, LoadOptions.defaults().withPrefillChunk(100));
  }

  @AfterAll
  void close() {
    model.close();
  }

  static List<AttentionMethod> methods() {
    return List.of(new FullAttention(),
        new ParisKv(new ParisKvConfig(16, 32, 8, 0, new RetrievalBudget(48, null, null))));
  }

  private static String document() {
    return Fixtures.recall("num-64").get("user").asString();
  }

  private GenerationResult ask(Session session, List<ChatMessage> messages) {
    return session.generate(messages, GenerationOptions.greedy(40), GenerationListener.NONE);
  }

  @ParameterizedTest
  @MethodSource("methods")
  void secondTurn_prefillsOnlyWhatIsNew(AttentionMethod method) {
    List<ChatMessage> messages = new ArrayList<>(List.of(new ChatMessage("user", document())));
    try (Session session = model.newSession(method)) {
      GenerationResult first = ask(session, messages);
      assertEquals(0, first.cachedTokens());
      messages.add(new ChatMessage("assistant", first.text()));
      messages.add(
          new ChatMessage("user", " Question : What is the secret number of the windy school ?"));
      GenerationResult second = ask(session, messages);
      assertTrue(second.cachedTokens() >= first.promptTokens(),
          second.cachedTokens() + " of " + first.promptTokens()
              + " tokens of the first turn were cached");
      assertEquals(" The secret number of the windy school is 1313 .", second.text());
    }
  }

  /** With next to no share every head takes one key; that is counted, not the 48 that it may. */
  @Test
  void attendedTokens_areThoseThatABudgetThatAdaptsTook() {
    RetrievalBudget one = new RetrievalBudget(1, 0.5, null);
    RetrievalBudget few = new RetrievalBudget(48, 0.5, null).withShare(1e-9);
    List<GenerationResult> results = new ArrayList<>();
    for (RetrievalBudget budget : List.of(one, few)) {
      try (Session session = model.newSession(
          new ParisKv(new ParisKvConfig(16, 32, 8, 0, budget)))) {
        results.add(session.generate(
            model.chatPrompt(List.of(new ChatMessage("user", document()))),
            GenerationOptions.greedy(12).withIgnoreEos(true), GenerationListener.NONE));
      }
    }
    assertEquals(results.getFirst().attendedTokensMean(), results.getLast().attendedTokensMean(),
        1e-6);
    assertEquals(results.getFirst().kvBytesPerToken(), results.getLast().kvBytesPerToken(), 1);
  }

  @Test
  void changedHistory_givesTheAnswerOfAFreshSession() {
    int[] prompt = model.chatPrompt(List.of(new ChatMessage("user", document())));
    int[] changed = prompt.clone();
    changed[500] = changed[501];
    for (AttentionMethod method : methods()) {
      try (Session used = model.newSession(method); Session fresh = model.newSession(method)) {
        used.generate(prompt, GenerationOptions.greedy(20), GenerationListener.NONE);
        GenerationResult again = used.generate(changed, GenerationOptions.greedy(20),
            GenerationListener.NONE);
        GenerationResult anew = fresh.generate(changed, GenerationOptions.greedy(20),
            GenerationListener.NONE);
        assertEquals(500, again.cachedTokens());
        assertEquals(anew.tokens(), again.tokens());
      }
    }
  }

  @Test
  void samePromptTwice_computesOneTokenAgain() {
    int[] prompt = model.chatPrompt(List.of(new ChatMessage("user", document())));
    try (Session session = model.newSession(new FullAttention())) {
      GenerationResult first = session.generate(prompt, GenerationOptions.greedy(20),
          GenerationListener.NONE);
      GenerationResult second = session.generate(prompt, GenerationOptions.greedy(20),
          GenerationListener.NONE);
      assertEquals(prompt.length - 1, second.cachedTokens());
      assertEquals(first.tokens(), second.tokens());
    }
  }

  @ParameterizedTest
  @MethodSource("methods")
  void cancelledAnywhere_theSessionGoesOnAsIfNothingHadHappened(AttentionMethod method) {
    List<ChatMessage> messages = List.of(new ChatMessage("user", document()));
    try (Session session = model.newSession(method); Session other = model.newSession(method)) {
      GenerationResult inPrefill = session.generate(messages, GenerationOptions.greedy(40),
          new GenerationListener() {
            @Override
            public boolean onPrefill(int done, int total) {
              return done < total / 2;
            }
          });
      assertEquals(FinishReason.CANCELLED, inPrefill.finishReason());
      assertTrue(inPrefill.tokens().isEmpty());
      GenerationResult inDecode = session.generate(messages, GenerationOptions.greedy(40),
          new GenerationListener() {
            private int left = 5;

            @Override
            public boolean onToken(int token, String text) {
              return --left > 0;
            }
          });
      assertEquals(FinishReason.CANCELLED, inDecode.finishReason());
      assertEquals(5, inDecode.tokens().size());
      assertEquals(ask(other, messages).tokens(), ask(session, messages).tokens());
    }
  }

  @Test
  void progress_growsToTheWholePrompt() {
    List<Integer> seen = new ArrayList<>();
    try (Session session = model.newSession(new FullAttention())) {
      session.generate(List.of(new ChatMessage("user", document())), GenerationOptions.greedy(1),
          new GenerationListener() {
            @Override
            public boolean onPrefill(int done, int total) {
              seen.add(done);
              return true;
            }
          });
      assertEquals(session.length(), seen.getLast());
      assertEquals(seen.stream().sorted().distinct().toList(), seen);
    }
  }

  @Test
  void firstReport_tellsWhatWasCachedAlready() {
    List<Integer> first = new ArrayList<>();
    GenerationListener listener = new GenerationListener() {
      private boolean heard;

      @Override
      public boolean onPrefill(int done, int total) {
        if (!heard) {
          first.add(done);
        }
        heard = true;
        return false;
      }
    };
    int[] prompt = model.chatPrompt(List.of(new ChatMessage("user", document())));
    try (Session session = model.newSession(new FullAttention())) {
      GenerationResult cancelled = session.generate(prompt, GenerationOptions.greedy(1), listener);
      assertEquals(List.of(0), first);
      assertEquals(0, session.length(), "cancelled before anything was computed");
      assertEquals(FinishReason.CANCELLED, cancelled.finishReason());
      session.generate(Arrays.copyOf(prompt, 150), GenerationOptions.greedy(1),
          GenerationListener.NONE);
      session.generate(prompt, GenerationOptions.greedy(1), new GenerationListener() {
        @Override
        public boolean onPrefill(int done, int total) {
          first.add(done);
          return done < 200;
        }
      });
      assertEquals(List.of(0, 150, 250), first);
    }
  }

  @Test
  void stopString_acrossTokens_cutsTheText() {
    try (Session session = model.newSession(new FullAttention())) {
      StringBuilder streamed = new StringBuilder();
      GenerationResult result = session.generate(List.of(new ChatMessage("user", document())),
          GenerationOptions.greedy(40).withStop(List.of("is 33")), new GenerationListener() {
            @Override
            public boolean onToken(int token, String text) {
              streamed.append(text);
              return true;
            }
          });
      assertEquals(" The secret number of the hidden canyon ", result.text());
      assertEquals(result.text(), streamed.toString());
      assertEquals(FinishReason.STOP, result.finishReason());
    }
  }

  @Test
  void endOfTurn_endsUnlessIgnored() {
    try (Session session = model.newSession(new FullAttention())) {
      GenerationResult ended = ask(session, List.of(new ChatMessage("user", document())));
      assertEquals(FinishReason.STOP, ended.finishReason());
      assertTrue(model.config().eosTokenIds().contains(ended.tokens().getLast()));
      assertFalse(ended.text().contains("<|im_end|>"));
      GenerationResult goesOn = session.generate(List.of(new ChatMessage("user", document())),
          GenerationOptions.greedy(40).withIgnoreEos(true), GenerationListener.NONE);
      assertEquals(FinishReason.LENGTH, goesOn.finishReason());
      assertEquals(40, goesOn.tokens().size());
    }
  }

  @Test
  void sampling_isReproducibleBySeed() {
    GenerationOptions hot = GenerationOptions.greedy(30).withTemperature(3).withIgnoreEos(true);
    List<ChatMessage> messages = List.of(new ChatMessage("user", document()));
    List<Integer> first = sample(messages, hot.withSeed(7));
    assertEquals(first, sample(messages, hot.withSeed(7)));
    assertNotEquals(first, sample(messages, hot.withSeed(8)));
  }

  /** In a fresh session: a GPU rounds a prompt's last token in another way when the rest is cached. */
  private List<Integer> sample(List<ChatMessage> messages, GenerationOptions options) {
    try (Session session = model.newSession(new FullAttention())) {
      return session.generate(messages, options, GenerationListener.NONE).tokens();
    }
  }

  @Test
  void badPrompts_areRefusedAndLeaveTheSessionAsItWas() {
    List<ChatMessage> messages = List.of(new ChatMessage("user", document()));
    try (Session session = model.newSession(new FullAttention())) {
      List<Integer> before = ask(session, messages).tokens();
      int length = session.length();
      assertRefused(session, new int[0], "no tokens");
      assertRefused(session, new int[]{1, 2345}, "2345", "2344");
      assertRefused(session, new int[]{-1}, "-1");
      assertEquals(length, session.length());
      assertEquals(before, ask(session, messages).tokens());
    }
  }

  @Test
  void promptLongerThanThePositions_isRefusedWithBothNumbers() {
    try (LanguageModel small = LanguageModel.load(Fixtures.model("qwen3-tied"));
        Session session = small.newSession(new FullAttention())) {
      assertRefused(session, new int[4096], "4096", "4097", "max_position_embeddings");
      int[] fits = new Random(1).ints(4090, 0, 384).toArray();
      GenerationResult result = session.generate(fits,
          GenerationOptions.greedy(100).withIgnoreEos(true), GenerationListener.NONE);
      assertEquals(6, result.tokens().size());
      assertEquals(FinishReason.LENGTH, result.finishReason());
      assertEquals("", result.text());
    }
  }

  @Test
  void modelWithoutTokenizer_saysHowToGoOn() {
    try (LanguageModel small = LanguageModel.load(Fixtures.model("qwen3-tied"))) {
      InputException e = assertThrows(InputException.class, small::tokenizer);
      assertTrue(String.valueOf(e.getMessage()).contains("--ids"), e.getMessage());
    }
  }

  private static void assertRefused(Session session, int[] prompt, String... parts) {
    InputException e = assertThrows(InputException.class,
        () -> session.generate(prompt, GenerationOptions.greedy(1), GenerationListener.NONE));
    Arrays.stream(parts)
        .forEach(part -> assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage()));
  }
}
