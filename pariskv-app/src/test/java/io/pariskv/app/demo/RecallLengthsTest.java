package io.pariskv.app.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.pariskv.eval.recall.RecallDocument;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Offload;
import io.pariskv.generate.Session;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.text.ChatMessage;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The bundled model follows a path through documents of up to 128K tokens, whatever attends them. */
class RecallLengthsTest {
  private static final int HOPS = 8;
  private static final Path MODEL = Path.of(System.getProperty("project.root", ".."), "models",
      "recall-12m");

  @ParameterizedTest
  @CsvSource({"16384, OFF", "16384, ON", "65536, OFF", "65536, ON", "131072, OFF", "131072, ON"})
  void parisKvAndFullAttention_answerTheSame(int tokens, Offload offload) {
    assumeTrue("cuda".equals(System.getProperty("pariskv.testBackend")),
        "takes minutes on a CPU; ./pariskv demo does it at 16K, gpu/run-tests at all lengths");
    RecallDocument document = RecallDocument.path(tokens, HOPS, tokens);
    LoadOptions options = LoadOptions.defaults().withBackend("cuda").withOffload(offload);
    try (LanguageModel model = LanguageModel.load(MODEL, options)) {
      GenerationResult full = answer(model, document, new FullAttention());
      GenerationResult sparse = answer(model, document, ParisKv.paper());
      assertEquals(full.tokens(), sparse.tokens(), full.text() + " and " + sparse.text());
      assertEquals(HOPS, document.rightSentences(sparse.text()), sparse.text());
    }
  }

  private static GenerationResult answer(LanguageModel model, RecallDocument document,
      AttentionMethod method) {
    try (Session session = model.newSession(method)) {
      return session.generate(List.of(new ChatMessage("user", document.text())),
          GenerationOptions.greedy(HOPS * RecallDocument.SENTENCE_TOKENS),
          GenerationListener.NONE);
    }
  }
}
