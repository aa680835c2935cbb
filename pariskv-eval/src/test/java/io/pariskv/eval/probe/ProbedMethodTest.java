package io.pariskv.eval.probe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.eval.Models;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.Session;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.SimHash;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ExactTopK;
import io.pariskv.method.MagicPig;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.PqBudget;
import io.pariskv.method.PqCache;
import io.pariskv.method.Quest;
import io.pariskv.method.ZoneSettings;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.text.ChatMessage;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What a probe sees of a method, and that the method does not notice. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ProbedMethodTest {
  private static final int FED = 24;

  private LanguageModel model;
  private int[] prompt;

  @BeforeAll
  void load() {
    model = LanguageModel.load(Models.RECALL);
    String text = Models.recall("path-64").get("user").asString();
    prompt = model.chatPrompt(List.of(new ChatMessage("user", text)));
  }

  @AfterAll
  void close() {
    model.close();
  }

  private static AttentionMethod pariskv(int k, double candidates) {
    return new ParisKv(
        new ParisKvConfig(16, 32, 16, 0, new RetrievalBudget(k, candidates, null)));
  }

  private GenerationResult answer(Session session) {
    return session.generate(prompt, FED, GenerationOptions.greedy(30), GenerationListener.NONE);
  }

  private List<RetrievalPoint> points(AttentionMethod method, int every) {
    ProbedMethod probe = new ProbedMethod(method, every);
    try (Session plain = model.newSession(method); Session probed = model.newSession(probe)) {
      GenerationResult seen = answer(probed);
      assertEquals(answer(plain).tokens(), seen.tokens());
      assertEquals(answer(plain).attendedTokensMean(), seen.attendedTokensMean());
    }
    List<RetrievalPoint> points = probe.take();
    assertTrue(probe.take().isEmpty());
    return points;
  }

  /** It quantises before the first step, of which a probe has to tell it. */
  @Test
  void methodThatWaitsForTheWholePrompt_isToldOfItsEnd() {
    AttentionMethod method = new PqCache(
        new PqBudget.Tokens(new ZoneSettings(16, 32, 16, 0), 20), new ProductQuantizer(2, 4));
    assertTrue(points(method, 10).stream().mapToDouble(RetrievalPoint::recall).average()
        .orElse(0) > 0.2);
  }

  @Test
  void everyNthStep_isSeenInEveryLayerAndHead() {
    List<RetrievalPoint> points = points(pariskv(20, 0.2), 10);
    Set<List<Integer>> places = new HashSet<>();
    points.forEach(point -> {
      places.add(List.of(point.step(), point.layer(), point.kvHead()));
      assertEquals(0, point.step() % 10);
      for (double share : new double[]{point.recall(), point.headRecall(), point.mass()}) {
        assertTrue(share >= 0 && share <= 1.00001, point.toString());
      }
    });
    int steps = (FED + 29 + 9) / 10;
    assertEquals(steps * model.config().layers() * model.config().kvHeads(), points.size());
    assertEquals(points.size(), places.size());
  }

  @Test
  void everythingSelected_isExactAttention() {
    for (RetrievalPoint point : points(pariskv(100_000, 1), 25)) {
      assertEquals(1, point.recall());
      assertEquals(1, point.headRecall());
      assertEquals(1, point.mass(), 1e-5);
      assertEquals(0, point.error(), 1e-4);
    }
  }

  private static final int DEALT = 20;

  /** What its heads found is the group's, as a method finds it that selects for the group. */
  @Test
  void headsThatSelectForThemselves_haveFoundTogetherWhatAnyOfThemHas() {
    AttentionMethod best = new ExactTopK(new ZoneSettings(16, 32, 16, 0), DEALT, Grouping.MEAN);
    for (RetrievalPoint point : points(best, 25)) {
      assertEquals(1, point.recall(), point.toString());
      assertEquals(DEALT, point.keys());
    }
    int group = model.config().heads() / model.config().kvHeads();
    int each = DEALT / group;
    assertEquals(DEALT, each * group);
    for (RetrievalPoint point : points(new DealtMethod(best, each, false), 25)) {
      assertEquals(1, point.recall(), point.toString());
      assertEquals(DEALT, point.keys());
      assertTrue(point.headRecall() <= 1.0 * each / DEALT, point.toString());
    }
    for (RetrievalPoint point : points(new DealtMethod(best, each, true), 25)) {
      assertEquals(1.0 * each / DEALT, point.recall(), 1e-5, point.toString());
      assertEquals(each, point.keys());
    }
  }

  /** Of as many as it was told to find, however many it took; where nobody told it, of the published number. */
  @Test
  void bestKeys_areAsManyAsTheMethodIsSetToRetrieve() {
    ZoneSettings zones = new ZoneSettings(16, 32, 16, 0);
    for (RetrievalPoint point : points(new Quest(zones, 20, 16, 0, Grouping.MEAN), 25)) {
      assertEquals(20, point.k());
      assertTrue(point.keys() <= 16, point.toString()); // a page, the last one may be partial
      assertTrue(point.recall() <= point.keys() / 20.0 + 1e-5, point.toString());
    }
    for (RetrievalPoint point : points(new MagicPig(zones, new SimHash(1, 128), true, 0), 25)) {
      assertEquals(ProbedMethod.USUAL_K, point.k()); // all keys are sampled
      assertTrue(point.keys() > ProbedMethod.USUAL_K, point.toString());
      assertEquals(1, point.recall(), point.toString());
    }
  }

  @Test
  void moreKeys_captureMoreAndErrLess() {
    List<RetrievalPoint> few = points(pariskv(4, 0.1), 25);
    List<RetrievalPoint> many = points(pariskv(200, 0.9), 25);
    assertTrue(mean(few, true) < mean(many, true));
    assertTrue(mean(few, false) > mean(many, false));
    assertTrue(few.stream().mapToDouble(RetrievalPoint::recall).average().orElse(0) > 0.05);
  }

  /** Its codebooks are found before the first step after a prompt, which a probe has to pass on. */
  @Test
  void methodThatPreparesBeforeAStep_selectsUnderAProbeToo() {
    ZoneSettings zones = new ZoneSettings(16, 32, 16, 0);
    PqCache method = new PqCache(new PqBudget.Tokens(zones, 20), new ProductQuantizer(2, 4));
    assertTrue(points(method, 25).stream().mapToDouble(RetrievalPoint::recall).average()
        .orElse(0) > 0.05);
  }

  private static double mean(List<RetrievalPoint> points, boolean mass) {
    return points.stream().mapToDouble(point -> mass ? point.mass() : point.error()).average()
        .orElseThrow();
  }

  @Test
  void noSteps_isRefused() {
    assertThrows(IllegalArgumentException.class, () -> new ProbedMethod(pariskv(1, 1), 0));
  }
}
