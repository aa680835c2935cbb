package io.pariskv.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.fixtures.Fixtures;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A pass that is given up between layers leaves its sequence, and others, as they were. */
class ModelRunnerTest {
  private static final GenerationOptions OPTIONS = GenerationOptions.greedy(5);

  static List<AttentionMethod> methods() {
    return List.of(new FullAttention(),
        new ParisKv(new ParisKvConfig(16, 32, 8, 0, new RetrievalBudget(48, null, null))));
  }

  @ParameterizedTest
  @MethodSource("methods")
  void passGivenUp_addsNoTokens_andTheSequenceGoesOn(AttentionMethod method) {
    try (LanguageModel model = LanguageModel.load(Fixtures.RECALL_MODEL)) {
      int[] prompt = new Random(1).ints(200, 0, model.config().vocabSize()).toArray();
      try (ModelRunner runner = model.newRunner(method, 2);
          Sequence undisturbed = runner.open();
          Sequence sequence = runner.open()) {
        runner.prefill(undisturbed, prompt, 120, ModelRunner.NO_ROW);
        assertTrue(runner.prefill(sequence, prompt, 120, ModelRunner.NO_ROW, layers -> 1));
        runner.configure(0, OPTIONS, prompt);
        assertFalse(runner.prefill(sequence, prompt, 80, 0,
            layers -> layers == 0 ? 2 : Pause.GIVE_UP));
        assertEquals(120, sequence.length());

        assertTrue(runner.prefill(sequence, prompt, 80, 0, layers -> 1));
        List<Integer> tokens = decode(runner, sequence);
        runner.configure(0, OPTIONS, prompt);
        runner.prefill(undisturbed, prompt, 80, 0);
        assertEquals(decode(runner, undisturbed), tokens);
      }
    }
  }

  private static List<Integer> decode(ModelRunner runner, Sequence sequence) {
    List<Integer> tokens = new ArrayList<>(List.of(runner.chosen(0)));
    try (DecodeLoop steps = runner.decode(List.of(sequence))) {
      while (tokens.size() < 5) {
        steps.run();
        int next = runner.chosen(0);
        steps.commit(tokens.getLast());
        tokens.add(next);
      }
    }
    return tokens;
  }
}
