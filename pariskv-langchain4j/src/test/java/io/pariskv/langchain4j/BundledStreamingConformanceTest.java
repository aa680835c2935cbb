package io.pariskv.langchain4j;

import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.langchain4j.testing.Skipped;
import io.pariskv.langchain4j.testing.TestModels;
import io.pariskv.method.ParisKv;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Those of the conformance tests that do not depend on what is answered, on the bundled model and a real engine. */
@Skipped(tests = {"should_respect_user_message", "should_respect_system_message",
    "should_respect_multiple_messages", "should_chat_asynchronously",
    "should_respect_stopSequences_in_chat_request",
    "should_respect_stopSequences_in_default_model_parameters",
    "should_respect_JSON_response_format", "should_respect_JSON_response_format_with_schema",
    "should_respect_JsonRawSchema_responseFormat",
    "should_propagate_user_exceptions_thrown_from_onPartialResponse",
    "should_propagate_user_exceptions_thrown_from_onCompleteResponse",
    "should_ignore_user_exceptions_thrown_from_onError"}, because = "the bundled model knows its "
        + "own tasks and no English; StreamingChatModelConformanceTest runs it with scripted tokens")
@Skipped(tests = "should_cancel_streaming", because = "the bundled model's stories are too short to "
    + "be cancelled; StreamingChatModelConformanceTest has a long one")
class BundledStreamingConformanceTest extends StreamingChatModelConformanceTest {
  private LanguageModel bundled;
  private Engine engine;

  @BeforeAll
  void start() {
    bundled = TestModels.recall();
    engine = Engine.start(bundled, ParisKv.defaults(), EngineOptions.defaults());
  }

  @AfterAll
  void stop() {
    engine.close();
    bundled.close();
  }

  @Override
  ParisKvStreamingChatModel.Builder builder() {
    return ParisKvStreamingChatModel.builder().engine(bundled, engine);
  }

  /** Its template has none, which is refused. */
  @Override
  protected boolean supportsTools() {
    return false;
  }

  @Override
  protected boolean supportsToolChoiceRequired() {
    return false;
  }
}
