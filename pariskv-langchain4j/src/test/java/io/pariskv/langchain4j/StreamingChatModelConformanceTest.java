package io.pariskv.langchain4j;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelIT;
import dev.langchain4j.model.chat.common.StreamingMode;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.TokenUsage;
import io.pariskv.generate.LanguageModel;
import io.pariskv.langchain4j.testing.Script;
import io.pariskv.langchain4j.testing.ScriptedEngine;
import io.pariskv.langchain4j.testing.Skipped;
import io.pariskv.langchain4j.testing.TestModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.mockito.InOrder;
import org.mockito.Mockito;

/** As {@link ChatModelConformanceTest}, for streams told to handlers and to subscribers. */
@Skipped(tests = "should_cancel_streaming", untilLong = true, because = "it waits 30 seconds to see "
    + "that nothing follows; ParisKvStreamingChatModelTest cancels in less")
class StreamingChatModelConformanceTest extends AbstractStreamingChatModelIT {
  private LanguageModel model;

  @BeforeAll
  void load(@TempDir Path directory) throws IOException {
    model = TestModels.withTemplate(directory, "qwen25");
  }

  @AfterAll
  void close() {
    model.close();
  }

  /** The model under test. */
  ParisKvStreamingChatModel.Builder builder() {
    return ParisKvStreamingChatModel.builder().engine(model,
        ScriptedEngine.choosing(model, Script::answers));
  }

  @Override
  protected List<StreamingMode> streamingModes() {
    return List.of(StreamingMode.HANDLER, StreamingMode.PUBLISHER);
  }

  @Override
  protected boolean assertThreads() {
    return true;
  }

  @Override
  protected List<StreamingChatModel> baseModels() {
    return List.of(builder().build());
  }

  @Override
  protected StreamingChatModel createModelWith(ChatRequestParameters parameters) {
    return builder().defaultRequestParameters(parameters).build();
  }

  @Override
  public StreamingChatModel createModelWith(ChatModelListener listener) {
    return builder().listeners(List.of(listener)).build();
  }

  @Override
  protected ChatRequestParameters createIntegrationSpecificParameters(int maxOutputTokens) {
    return ParisKvChatRequestParameters.builder().maxOutputTokens(maxOutputTokens).build();
  }

  @Override
  protected boolean supportsModelNameParameter() {
    return false;
  }

  @Override
  protected boolean supportsSingleImageInputAsBase64EncodedString() {
    return false;
  }

  @Override
  protected boolean supportsSingleImageInputAsPublicURL() {
    return false;
  }

  @Override
  protected Class<? extends TokenUsage> tokenUsageType(StreamingChatModel model) {
    return ParisKvTokenUsage.class;
  }

  /** A call is told once it is complete. */
  @Override
  protected boolean supportsPartialToolStreaming(StreamingChatModel model) {
    return false;
  }

  @Override
  protected void verifyToolCallbacks(StreamingChatResponseHandler handler, InOrder order,
      ExpectedToolCall... expected) {
    for (ExpectedToolCall call : expected) {
      order.verify(handler)
          .onCompleteToolCall(Mockito.argThat(complete -> complete.index() == call.index()
              && complete.toolExecutionRequest().id().equals(call.id())
              && complete.toolExecutionRequest().name().equals(call.name())
              && complete.toolExecutionRequest().arguments().equals(call.arguments())));
    }
  }
}
