package io.pariskv.langchain4j;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelPublisherListenerTest;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import io.pariskv.generate.LanguageModel;
import io.pariskv.langchain4j.testing.ScriptedEngine;
import io.pariskv.langchain4j.testing.TestModels;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** LangChain4j's tests of listeners of publishers. Two of them wait three seconds each: side by side. */
@Execution(ExecutionMode.CONCURRENT)
class PublisherListenersTest extends AbstractStreamingChatModelPublisherListenerTest {
  private static LanguageModel model;

  @BeforeAll
  static void load() {
    model = TestModels.recall();
  }

  @AfterAll
  static void close() {
    model.close();
  }

  /** A stream that is to last stands still in the middle until it is cancelled. */
  @Override
  protected StreamingChatModel createModel(ChatModelListener listener, StreamScenario scenario) {
    String answer = " word".repeat(scenario.contentChunks())
        + (scenario.spreadOverMillis() > 0 ? ScriptedEngine.HALT : "");
    return ParisKvStreamingChatModel.builder().listeners(List.of(listener))
        .engine(model, new ScriptedEngine(model, _ -> {
          if (scenario.fail()) {
            throw new IllegalStateException("broken");
          }
          return answer;
        })).build();
  }
}
