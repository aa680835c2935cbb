package io.pariskv.app.cli;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backends;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.LoadingPlan;
import io.pariskv.method.ParisKv;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a person is told before a model is loaded. */
class ModelOptionsTest {
  private static List<String> lines(LoadOptions options, List<Backends.Candidate> refused) {
    List<String> lines = new ArrayList<>();
    LanguageModel.load(RECALL_MODEL, options, plan -> lines.addAll(ModelOptions.explain(
        new LoadingPlan(new Backends.Choice(plan.choice().backend(), refused), plan.memory()),
        ParisKv.defaults()))).close();
    return lines;
  }

  @Test
  void memoryPlan_namesTheContext_andEveryPlaceWithItsParts() {
    List<String> lines = lines(LoadOptions.defaults().withBackend("vector").withContext(5_000),
        List.of());
    assertEquals("memory for up to 5000 tokens with pariskv", lines.getFirst());
    assertTrue(lines.get(1).matches("  mapped 2.* MiB: weights 2.* MiB"), lines::toString);
    assertTrue(lines.get(2).matches("  host [0-9.]+ MiB: activations .*, K and V .*, summaries .*"),
        lines::toString);
    assertEquals(3, lines.size());
  }

  @Test
  void backendThatWasPassedOver_isNamedWithItsReason_alsoIfItFailedInOpening() {
    assertEquals("backend vector: cuda cannot be used: it is full",
        lines(LoadOptions.defaults().withBackend("vector"),
            List.of(new Backends.Candidate("cuda", "it is full"))).getFirst());
  }
}
