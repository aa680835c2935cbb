package io.pariskv.snippets;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.fixtures.Fixtures;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.Session;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** The examples of the Javadoc do what it says. */
class SnippetsTest {
  private static final String QUESTION = "A fox asked the plum . The secret number of the hidden "
      + "canyon is 4711 . What is the secret number of the hidden canyon ?";
  private static final String ANSWER = " The secret number of the hidden canyon is 4711 .";

  @Test
  void loadAndAnswer_tellsProgressAndText() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    LoadAndAnswer.answer(Fixtures.RECALL_MODEL, QUESTION,
        new PrintStream(out, true, StandardCharsets.UTF_8));
    String printed = out.toString(StandardCharsets.UTF_8);
    assertTrue(printed.startsWith("0 of "), printed);
    assertTrue(printed.endsWith(ANSWER), printed);
  }

  @Test
  void constrainedAnswer_isOfItsSchema_andTellsItsTokens() {
    try (LanguageModel model = LanguageModel.builder(Fixtures.RECALL_MODEL).context(2048).load();
        Session session = model.newSession()) {
      GenerationResult result = Constrain.answer(model, session, QUESTION,
          "{\"type\": \"integer\", \"minimum\": 4000, \"maximum\": 4999}");
      assertTrue(result.text().strip().matches("4\\d{3}"), result::text);
      assertEquals(result.tokens().size(), result.logprobs().size());
      assertEquals(2, result.logprobs().getFirst().top().size());
    }
  }

  @Test
  void cancelAndManyAtOnce_onOneModel() {
    try (LanguageModel model = LanguageModel.builder(Fixtures.RECALL_MODEL).context(2048).load()) {
      try (Session session = model.newSession()) {
        AtomicBoolean cancelled = new AtomicBoolean();
        assertEquals(FinishReason.CANCELLED,
            Cancel.answer(session, QUESTION, cancelled, _ -> cancelled.set(true)).finishReason());
        assertEquals(FinishReason.CANCELLED,
            Cancel.answer(session, QUESTION, new AtomicBoolean(true), _ -> {
            }).finishReason());
        assertEquals(ANSWER, Cancel.answer(session, QUESTION, new AtomicBoolean(), _ -> {
        }).text());
      }
      assertEquals(List.of(ANSWER, ANSWER),
          ManyAtOnce.answers(model, List.of(QUESTION, QUESTION)));
    }
  }
}
