package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import io.pariskv.engine.EngineRequest;
import io.pariskv.server.http.ApiKeys;
import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.TestServer;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The client of many Java applications, as it comes. */
@Timeout(60)
class LangChain4jTest {
  private static final String KEY = "a-key-of-ours";
  private static final ServerSettings SETTINGS = ServerSettings.local()
      .withLimits(TestServer.LIMITS).withKeys(ApiKeys.of(List.of(KEY)));

  private static OpenAiChatModel.OpenAiChatModelBuilder model(TestServer server) {
    return OpenAiChatModel.builder().baseUrl(server.server().url() + "/v1").apiKey(KEY)
        .modelName(TestServer.MODEL).maxRetries(0);
  }

  private static OpenAiStreamingChatModel streaming(TestServer server) {
    return OpenAiStreamingChatModel.builder().baseUrl(server.server().url() + "/v1").apiKey(KEY)
        .modelName(TestServer.MODEL).build();
  }

  private static final ChatRequest REQUEST = ChatRequest.builder()
      .messages(SystemMessage.from("be brief"), UserMessage.from("hello")).build();

  @Test
  void answer_hasItsTextItsNumbersAndItsReason() throws Exception {
    FakeEngine engine = FakeEngine.answering("Hel", "lo");
    try (TestServer server = new TestServer(engine, SETTINGS)) {
      ChatResponse answer = model(server).temperature(0.5).topP(0.5).maxTokens(7).seed(3)
          .stop(List.of("end")).user("me").build().chat(REQUEST);
      EngineRequest request = engine.next().request();
      assertEquals("Hello", answer.aiMessage().text());
      assertEquals(FinishReason.STOP, answer.finishReason());
      assertEquals(request.prompt().length, answer.tokenUsage().inputTokenCount());
      assertEquals(2, answer.tokenUsage().outputTokenCount());
      assertEquals(7, request.options().maxTokens());
      assertEquals(3, request.options().seed());
      assertArrayEquals(TestServer.encode("""
          <|im_start|>system
           be brief<|im_end|>
          <|im_start|>user
           hello<|im_end|>
          <|im_start|>assistant
          """), request.prompt());
    }
  }

  @Test
  void answer_thatIsLongInComing_arrives() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine, SETTINGS)) {
      CompletableFuture<ChatResponse> answer = CompletableFuture
          .supplyAsync(() -> model(server).build().chat(REQUEST));
      FakeEngine.Submission submission = engine.next();
      submission.prefill(0);
      // Heartbeats go out meanwhile; the next request shows that several were due.
      for (int i = 0; i < 5; i++) {
        server.get("/health");
      }
      submission.token("late").end(io.pariskv.generate.FinishReason.LENGTH);
      assertEquals("late", answer.get(30, TimeUnit.SECONDS).aiMessage().text());
      assertEquals(FinishReason.LENGTH, answer.get().finishReason());
    }
  }

  @Test
  void stream_hasItsPiecesItsNumbersAndItsReason() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine, SETTINGS)) {
      BlockingQueue<String> pieces = new LinkedBlockingQueue<>();
      CompletableFuture<ChatResponse> whole = new CompletableFuture<>();
      streaming(server).chat(REQUEST, new StreamingChatResponseHandler() {
        @Override
        public void onPartialResponse(String piece) {
          pieces.add(piece);
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
          whole.complete(response);
        }

        @Override
        public void onError(Throwable error) {
          whole.completeExceptionally(error);
        }
      });
      FakeEngine.Submission submission = engine.next();
      submission.prefill(0).token("Hel");
      assertEquals("Hel", pieces.poll(30, TimeUnit.SECONDS));
      submission.token("lo").end(io.pariskv.generate.FinishReason.STOP);
      ChatResponse answer = whole.get(30, TimeUnit.SECONDS);
      assertEquals("Hello", answer.aiMessage().text());
      assertEquals(FinishReason.STOP, answer.finishReason());
      assertEquals(2, answer.tokenUsage().outputTokenCount());
    }
  }

  @Test
  void refusals_areTheExceptionsThatApplicationsCatch() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("x"), SETTINGS)) {
      assertThrows(AuthenticationException.class,
          () -> model(server).apiKey("another-key").build().chat(REQUEST));
      assertThrows(ModelNotFoundException.class,
          () -> model(server).modelName("gpt-9").build().chat(REQUEST));
      InvalidRequestException refused = assertThrows(InvalidRequestException.class,
          () -> model(server).presencePenalty(1.5).build().chat(REQUEST));
      assertTrue(refused.toString().contains("presence_penalty"), refused::toString);
    }
  }
}
