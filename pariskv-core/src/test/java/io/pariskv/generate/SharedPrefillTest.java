package io.pariskv.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.fixtures.Fixtures;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.text.ChatMessage;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What evaluation builds on: one prefill for several methods, and prompts that are read by decode steps. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SharedPrefillTest {
  private static final AttentionMethod FULL = new FullAttention();
  private static final AttentionMethod SPARSE = new ParisKv(
      new ParisKvConfig(16, 32, 8, 0, new RetrievalBudget(48, null, null)));
  private static final AttentionMethod OTHER = new ParisKv(
      new ParisKvConfig(4, 8, 8, 0, new RetrievalBudget(16, null, null)));

  private LanguageModel model;
  private int[] prompt;
  private int[] question;

  @BeforeAll
  void load() {
    model = LanguageModel.load(Fixtures.RECALL_MODEL, LoadOptions.defaults().withPrefillChunk(100));
    String text = Fixtures.recall("num-64").get("user").asString();
    prompt = model.chatPrompt(List.of(new ChatMessage("user", text)));
    question = Arrays.copyOfRange(prompt, prompt.length - 24, prompt.length);
  }

  @AfterAll
  void close() {
    model.close();
  }

  private GenerationResult answer(Session session, int fed) {
    return session.generate(prompt, fed, GenerationOptions.greedy(20), GenerationListener.NONE);
  }

  private GenerationResult fresh(AttentionMethod method, int fed) {
    try (Session session = model.newSession(method)) {
      return answer(session, fed);
    }
  }

  @Test
  void questionFedThroughFullAttention_givesTheAnswerOfPrefill() {
    List<Integer> expected = fresh(FULL, 0).tokens();
    assertEquals(expected, fresh(FULL, 1).tokens());
    assertEquals(expected, fresh(FULL, question.length).tokens());
    assertEquals(prompt.length, fresh(FULL, question.length).promptTokens());
  }

  @Test
  void answerOfFullAttention_fedBack_givesTheSameTokensOneByOne() {
    List<Integer> answer = fresh(FULL, 0).tokens();
    int[] whole = IntStream
        .concat(Arrays.stream(prompt), answer.stream().mapToInt(Integer::intValue)).toArray();
    int shared = prompt.length - 1;
    try (Session session = model.newSession(FULL)) {
      session.prefill(Arrays.copyOf(prompt, shared), GenerationListener.NONE);
      for (int known = 0; known < answer.size(); known++) {
        int[] begun = Arrays.copyOf(whole, prompt.length + known);
        session.truncate(shared);
        GenerationResult next = session.generate(begun, known + 1, GenerationOptions.greedy(1),
            GenerationListener.NONE);
        assertEquals(answer.get(known), next.tokens().getFirst(), "after " + known + " tokens");
      }
    }
  }

  @Test
  void methodsTakingTurnsOnOnePrefill_answerAsInSessionsOfTheirOwn() {
    int shared = prompt.length - question.length;
    try (Session session = model.newSession(FULL)) {
      assertEquals(shared,
          session.prefill(Arrays.copyOf(prompt, shared), GenerationListener.NONE));
      for (AttentionMethod method : List.of(SPARSE, FULL, OTHER, SPARSE, OTHER)) {
        session.truncate(shared);
        session.use(method);
        GenerationResult here = answer(session, question.length);
        GenerationResult alone = fresh(method, question.length);
        assertEquals(alone.tokens(), here.tokens(), method.toString());
        assertEquals(alone.attendedTokensMean(), here.attendedTokensMean());
        assertEquals(shared, here.cachedTokens());
        assertEquals(method, session.method());
      }
      assertTrue(fresh(OTHER, question.length).attendedTokensMean() < 100);
    }
  }

  @Test
  void fedTokens_leaveAtLeastOneToPrefill() {
    try (Session session = model.newSession(FULL)) {
      IllegalArgumentException e = assertThrows(IllegalArgumentException.class,
          () -> answer(session, prompt.length));
      assertTrue(String.valueOf(e.getMessage()).contains("not " + prompt.length), e.getMessage());
      assertThrows(IllegalArgumentException.class, () -> answer(session, -1));
    }
  }

  @Test
  void logProbabilities_areThoseOfTheLogits() {
    try (LanguageModel small = LanguageModel.load(Fixtures.model("qwen3-tied"),
        LoadOptions.defaults().withKvDtype(DType.F32));
        Session session = small.newSession(FULL)) {
      int[] ids = new Random(5).ints(40, 0, small.config().vocabSize()).toArray();
      for (int from : new int[]{1, 2, 30, 39}) {
        double[] found = session.logProbabilities(ids, from);
        assertEquals(ids.length - from, found.length);
        float[][] logits = PromptLogits.compute(small, ids,
            IntStream.range(from - 1, ids.length - 1).toArray());
        for (int i = 0; i < found.length; i++) {
          double sum = 0;
          for (float logit : logits[i]) {
            sum += Math.exp(logit);
          }
          assertEquals(logits[i][ids[from + i]] - Math.log(sum), found[i], 1e-3);
        }
      }
      assertThrows(IllegalArgumentException.class, () -> session.logProbabilities(ids, 0));
      assertThrows(IllegalArgumentException.class, () -> session.logProbabilities(ids, 40));
    }
  }

  @Test
  void logProbabilities_dependOnTheMethod() {
    try (Session session = model.newSession(FULL)) {
      double[] full = session.logProbabilities(prompt, prompt.length - 24);
      session.truncate(prompt.length - 25);
      session.use(OTHER);
      double[] sparse = session.logProbabilities(prompt, prompt.length - 24);
      assertNotEquals(Arrays.stream(full).sum(), Arrays.stream(sparse).sum());
    }
  }
}
