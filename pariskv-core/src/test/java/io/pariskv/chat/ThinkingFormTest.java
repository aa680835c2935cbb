package io.pariskv.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.constrain.Form;
import io.pariskv.text.Tokenizer;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** An answer of a form may begin with a thought where the model thinks, and only there. */
class ThinkingFormTest {
  private static final Tokenizer TOKENIZER = Tokenizer.load(Path
      .of(System.getProperty("project.root", "..")).resolve("models/recall-12m/tokenizer.json"));
  private static final Form ANSWER = new Form.AnyObject();
  private static final Form THOUGHT = Form.of(new Form.Until("</think>"), new Form.Literal("\n\n"),
      ANSWER);

  @AfterAll
  static void close() {
    TOKENIZER.close();
  }

  private static Form before(Tokenizer tokenizer, String prompt) {
    return Thinking.before(ANSWER, tokenizer, TOKENIZER.encode(prompt));
  }

  /** As the one above, but with tokens for the tags. */
  private static Tokenizer thinking() {
    return (Tokenizer) Proxy.newProxyInstance(Tokenizer.class.getClassLoader(),
        new Class<?>[]{Tokenizer.class}, (_, method, arguments) -> method.getName().equals("idOf")
            ? OptionalInt.of(1)
            : method.invoke(TOKENIZER, arguments));
  }

  @Test
  void modelThatDoesNotThink_answersAtOnce() {
    assertEquals(ANSWER, before(TOKENIZER, "a question"));
  }

  @Test
  void modelThatThinks_mayDoSo() {
    assertEquals(
        new Form.Choice(List.of(ANSWER, Form.of(new Form.Literal("<think>"), THOUGHT))),
        before(thinking(), "a question"));
  }

  @Test
  void thoughtThatThePromptHasBegun_isEnded() {
    assertEquals(THOUGHT, before(TOKENIZER, "a question <think>\n"));
    assertEquals(THOUGHT, before(thinking(), "a question <think>"));
  }

  @Test
  void thoughtThatThePromptHasEnded_doesNotBeginAgain() {
    assertEquals(ANSWER, before(thinking(), "a question <think>\n\n</think>\n\n"));
  }
}
