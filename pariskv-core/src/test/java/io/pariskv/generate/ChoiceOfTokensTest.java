package io.pariskv.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.fixtures.Fixtures;
import io.pariskv.method.FullAttention;
import io.pariskv.text.ChatMessage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What an answer may be made of, and what is told of how it was chosen. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ChoiceOfTokensTest {
  private LanguageModel model;
  private int[] prompt;

  @BeforeAll
  void load() {
    model = LanguageModel.load(Fixtures.RECALL_MODEL, LoadOptions.defaults().withPrefillChunk(100));
    prompt = model.chatPrompt(
        List.of(new ChatMessage("user", Fixtures.recall("num-64").get("user").asString())));
  }

  @AfterAll
  void close() {
    model.close();
  }

  private GenerationResult answer(int fed, GenerationOptions options, GenerationListener listener) {
    try (Session session = model.newSession(new FullAttention())) {
      return session.generate(prompt, fed, options, listener);
    }
  }

  private EveryThird everyThird(int rest, int length) {
    return new EveryThird(rest, length, model.config().eosTokenIds().getFirst(),
        model.config().vocabSize());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 5})
  void constrainedAnswer_keepsToItsFormFromTheFirstTokenToTheLast(int fed) {
    GenerationOptions hot = GenerationOptions.greedy(40).withTemperature(3).withSeed(7);
    for (int rest = 0; rest < 3; rest++) {
      EveryThird form = everyThird(rest, 9);
      for (GenerationOptions options : List.of(GenerationOptions.greedy(40), hot,
          hot.withTopK(3).withRepetitionPenalty(1.2f))) {
        List<Integer> tokens = answer(fed, options.withConstraint(form), GenerationListener.NONE)
            .tokens();
        int wanted = rest;
        assertEquals(10, tokens.size());
        assertTrue(tokens.subList(0, 9).stream().allMatch(id -> id % 3 == wanted),
            tokens::toString);
        assertEquals(form.end(), tokens.getLast());
      }
    }
  }

  @Test
  void sessionOfAConstrainedAnswer_isFreeInTheNext() {
    GenerationOptions greedy = GenerationOptions.greedy(20);
    GenerationResult free = answer(0, greedy, GenerationListener.NONE);
    try (Session session = model.newSession(new FullAttention())) {
      session.generate(prompt, greedy.withConstraint(everyThird(1, 6)), GenerationListener.NONE);
      assertEquals(free.text(), session.generate(prompt, greedy, GenerationListener.NONE).text());
    }
  }

  @Test
  void answerThatMustGoOnAfterItsEnd_isRefused() {
    assertThrows(InputException.class, () -> GenerationOptions.greedy(9)
        .withConstraint(everyThird(0, 1)).withIgnoreEos(true));
  }

  /** What is told while answering is what reading the same answer gives. */
  @Test
  void logprobs_areTheModelsOwn_whateverChoseTheTokens() {
    GenerationOptions odd = GenerationOptions.greedy(12).withTemperature(2).withSeed(3)
        .withRepetitionPenalty(1.3f).withLogprobs(4).withConstraint(everyThird(1, 11));
    List<TokenLogprobs> told = new ArrayList<>();
    GenerationResult result = answer(0, odd, new GenerationListener() {
      @Override
      public void onLogprobs(TokenLogprobs logprobs) {
        told.add(logprobs);
      }

      @Override
      public boolean onToken(int token, String text) {
        assertEquals(token, told.getLast().token(), "told before the token");
        return true;
      }
    });

    assertEquals(told, result.logprobs());
    assertEquals(result.tokens(), told.stream().map(TokenLogprobs::token).toList());
    int[] all = IntStream.concat(IntStream.of(prompt),
        result.tokens().stream().mapToInt(Integer::intValue)).toArray();
    try (Session session = model.newSession(new FullAttention())) {
      double[] read = session.logProbabilities(all, prompt.length);
      for (int i = 0; i < read.length; i++) {
        assertEquals(read[i], told.get(i).logprob(), 1e-3, "token " + i);
      }
    }
    for (TokenLogprobs one : told) {
      assertEquals(4, one.top().size());
      assertEquals(one.top().stream()
          .sorted(Comparator.comparingDouble(candidate -> -candidate.logprob())).toList(),
          one.top());
      assertTrue(one.top().getFirst().logprob() >= one.logprob());
      assertTrue(one.top().stream().mapToDouble(candidate -> Math.exp(candidate.logprob()))
          .sum() <= 1 + 1e-9);
    }
  }

  @Test
  void withoutAsking_nothingIsTold() {
    assertEquals(List.of(),
        answer(0, GenerationOptions.greedy(3), GenerationListener.NONE).logprobs());
  }

  @Test
  void logprobsOfNumbers_areThoseOfTheSoftmax_tiesByLowerId() {
    float[] logits = {1, Float.NaN, 3, 3, Float.NEGATIVE_INFINITY, 2};
    double sum = Math.exp(1) + 2 * Math.exp(3) + Math.exp(2);

    TokenLogprobs told = TokenLogprobs.of(logits, 5, 3);

    assertEquals(2 - Math.log(sum), told.logprob(), 1e-12);
    assertEquals(List.of(2, 3, 5),
        told.top().stream().map(TokenLogprobs.Candidate::token).toList());
    assertEquals(3 - Math.log(sum), told.top().getFirst().logprob(), 1e-12);
    assertEquals(List.of(2, 3, 5, 0, 1, 4), TokenLogprobs.of(logits, 1, 9).top().stream()
        .map(TokenLogprobs.Candidate::token).toList());
    assertEquals(Double.NEGATIVE_INFINITY, TokenLogprobs.of(logits, 1, 0).logprob());
  }
}
