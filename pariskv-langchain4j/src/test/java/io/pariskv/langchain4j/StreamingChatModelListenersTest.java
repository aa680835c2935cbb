package io.pariskv.langchain4j;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import io.pariskv.engine.EngineOptions;
import io.pariskv.langchain4j.testing.TestModels;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;

/** LangChain4j's tests of listeners, on the bundled model. */
class StreamingChatModelListenersTest extends AbstractStreamingChatModelListenerIT {
  private final List<ParisKvStreamingChatModel> open = new ArrayList<>();

  @AfterEach
  void close() {
    open.forEach(ParisKvStreamingChatModel::close);
  }

  private StreamingChatModel model(ChatModelListener listener, int context) {
    ParisKvStreamingChatModel model = ParisKvStreamingChatModel.builder()
        .modelDirectory(TestModels.RECALL).context(context).modelName(modelName())
        .engineOptions(EngineOptions.defaults().withPlaces(1)).temperature(temperature())
        .topP(topP()).maxOutputTokens(maxTokens()).listeners(List.of(listener)).build();
    open.add(model);
    return model;
  }

  @Override
  protected StreamingChatModel createModel(ChatModelListener listener) {
    return model(listener, 4096);
  }

  @Override
  protected String modelName() {
    return "recall";
  }

  /** Its prompts are too long. */
  @Override
  protected StreamingChatModel createFailingModel(ChatModelListener listener) {
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
