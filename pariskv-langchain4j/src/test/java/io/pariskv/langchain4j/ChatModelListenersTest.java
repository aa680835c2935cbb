package io.pariskv.langchain4j;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import io.pariskv.engine.EngineOptions;
import io.pariskv.langchain4j.testing.TestModels;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;

/** LangChain4j's tests of listeners, on the bundled model. */
class ChatModelListenersTest extends AbstractChatModelListenerIT {
  private final List<ParisKvChatModel> open = new ArrayList<>();

  @AfterEach
  void close() {
    open.forEach(ParisKvChatModel::close);
  }

  private ChatModel model(ChatModelListener listener, int context) {
    ParisKvChatModel model = ParisKvChatModel.builder()
        .modelDirectory(TestModels.RECALL).context(context).modelName(modelName())
        .engineOptions(EngineOptions.defaults().withPlaces(1)).temperature(temperature())
        .topP(topP()).maxOutputTokens(maxTokens()).listeners(List.of(listener)).build();
    open.add(model);
    return model;
  }

  @Override
  protected ChatModel createModel(ChatModelListener listener) {
    return model(listener, 4096);
  }

  @Override
  protected String modelName() {
    return "recall";
  }

  /** Its prompts are too long. */
  @Override
  protected ChatModel createFailingModel(ChatModelListener listener) {
    return model(listener, 4);
  }

  @Override
  protected Class<? extends Exception> expectedExceptionClass() {
    return InvalidRequestException.class;
  }

  @Override
  protected boolean supportsTools() {
    return false;
  }
}
