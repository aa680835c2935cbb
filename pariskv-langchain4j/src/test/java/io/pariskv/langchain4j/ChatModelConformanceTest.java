package io.pariskv.langchain4j;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelIT;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.output.TokenUsage;
import io.pariskv.generate.LanguageModel;
import io.pariskv.langchain4j.testing.Script;
import io.pariskv.langchain4j.testing.ScriptedEngine;
import io.pariskv.langchain4j.testing.TestModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/**
 * LangChain4j's conformance tests on an engine with scripted tokens: what the adapter makes of requests and answers, for a model
 * whose template has functions. The tests of what is not supported see that it is refused.
 */
class ChatModelConformanceTest extends AbstractChatModelIT {
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
  ParisKvChatModel.Builder builder() {
    return ParisKvChatModel.builder().engine(model,
        ScriptedEngine.choosing(model, Script::answers));
  }

  @Override
  protected List<ChatModel> models() {
    return List.of(builder().build());
  }

  @Override
  protected ChatModel createModelWith(ChatRequestParameters parameters) {
    return builder().defaultRequestParameters(parameters).build();
  }

  @Override
  protected ChatRequestParameters createIntegrationSpecificParameters(int maxOutputTokens) {
    return ParisKvChatRequestParameters.builder().maxOutputTokens(maxOutputTokens).build();
  }

  @Override
  protected boolean supportsChatAsync() {
    return true;
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
  protected Class<? extends TokenUsage> tokenUsageType(ChatModel model) {
    return ParisKvTokenUsage.class;
  }
}
