package io.pariskv.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.CustomMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.service.AiServices;
import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineListener;
import io.pariskv.engine.EngineOptions;
import io.pariskv.engine.EngineRequest;
import io.pariskv.engine.QueueFullException;
import io.pariskv.error.InputException;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.langchain4j.testing.ScriptedEngine;
import io.pariskv.langchain4j.testing.TestModels;
import io.pariskv.method.ParisKv;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What LangChain4j's conformance tests do not ask. */
@Timeout(60)
class ParisKvChatModelTest {
  private static final String QUESTION = "A fox asked the plum . The secret number of the hidden "
      + "canyon is 4711 . What is the secret number of the hidden canyon ?";
  private static final String ANSWER = " The secret number of the hidden canyon is 4711 .";
  private static LanguageModel model;

  @BeforeAll
  static void load() {
    model = TestModels.recall();
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static ParisKvChatModel scripted(LanguageModel model, Function<String, String> script) {
    return ParisKvChatModel.builder().engine(model, new ScriptedEngine(model, script)).build();
  }

  private static ChatRequest.Builder ask(String text) {
    return ChatRequest.builder().messages(UserMessage.from(text));
  }

  @Test
  void directory_isLoadedAndAnswers_andAConversationGoesOnFromItsCache() {
    try (ParisKvChatModel chat = ParisKvChatModel.builder().modelDirectory(TestModels.RECALL)
        .context(2048).preset("sharp").engineOptions(EngineOptions.defaults().withPlaces(2))
        .temperature(0.0).maxOutputTokens(40).build()) {
      ChatResponse first = chat.chat(ask(QUESTION).build());
      assertEquals(ANSWER, first.aiMessage().text());
      assertEquals("recall-12m", first.modelName());
      assertEquals(FinishReason.STOP, first.finishReason());
      assertEquals(0, usage(first).cachedInputTokenCount());
      ChatResponse second = chat.chat(UserMessage.from(QUESTION), first.aiMessage(),
          UserMessage.from(QUESTION));
      assertTrue(usage(second).cachedInputTokenCount() > 30, second::toString);
      assertEquals(usage(first).inputTokenCount() + usage(second).inputTokenCount(),
          first.tokenUsage().add(second.tokenUsage()).inputTokenCount());
    }
  }

  private static ParisKvTokenUsage usage(ChatResponse response) {
    return assertInstanceOf(ParisKvTokenUsage.class, response.tokenUsage());
  }

  @Test
  void engine_isSharedAndStaysOpen() {
    try (Engine engine = Engine.start(model, ParisKv.paper(), EngineOptions.defaults())) {
      for (int i = 0; i < 2; i++) {
        try (ParisKvChatModel chat = ParisKvChatModel.builder().engine(model, engine).build()) {
          assertEquals(ANSWER, chat.chat(QUESTION));
        }
      }
    }
    try (ParisKvChatModel chat = ParisKvChatModel.builder().languageModel(model).build()) {
      assertEquals(ANSWER, chat.chat(QUESTION));
    }
  }

  @Test
  void sameSeed_givesTheSameText() {
    try (ParisKvChatModel chat = ParisKvChatModel.builder().languageModel(model).temperature(50.0)
        .maxOutputTokens(20).build()) {
      ChatRequestParameters seeded = ParisKvChatRequestParameters.builder().seed(7L).minP(0.0)
          .repetitionPenalty(1.1).build();
      String text = chat.chat(ask(QUESTION).parameters(seeded).build()).aiMessage().text();
      assertEquals(text, chat.chat(ask(QUESTION).parameters(seeded).build()).aiMessage().text());
      assertTrue(!text.equals(chat.chat(QUESTION)), text);
    }
  }

  /** What a service returns; LangChain4j's schemas let a model leave out what is not required. */
  record Sighting(@JsonProperty(required = true) Animal animal) {
  }

  /** Of what. */
  enum Animal {
    OTTER, NEWT
  }

  /** A service. */
  interface Watcher {
    Sighting look(String question);
  }

  @Test
  void service_returnsARecord_fromAModelThatHasNeverSeenJson() {
    try (ParisKvChatModel chat = ParisKvChatModel.builder().languageModel(model)
        .maxOutputTokens(1000).build()) {
      assertNotNull(AiServices.create(Watcher.class, chat).look(QUESTION).animal());
    }
  }

  @Test
  void thoughts_standBesideTheAnswer_andGoBackToTheTemplate(@TempDir Path directory)
      throws IOException {
    AtomicReference<String> prompt = new AtomicReference<>("");
    try (LanguageModel qwen = TestModels.withTemplate(directory, "qwen3");
        ParisKvChatModel chat = scripted(qwen, text -> {
          prompt.set(text);
          return "<think>\nlet me see\n</think>\n\nIt is";
        })) {
      ChatResponse response = chat.chat(ask("why?").build());
      assertEquals("It is", response.aiMessage().text());
      assertEquals("let me see", response.aiMessage().thinking().strip());
      chat.chat(ask("why?").parameters(ParisKvChatRequestParameters.builder()
          .templateVariable("enable_thinking", false).build()).build());
      assertTrue(prompt.get().endsWith("<think>\n\n</think>\n\n"), prompt.get());
    }
  }

  @Test
  void calls_areAskedForAndAnswered(@TempDir Path directory) throws IOException {
    ToolSpecification tool = ToolSpecification.builder().name("weather").description("of a city")
        .parameters(JsonObjectSchema.builder().addStringProperty("city").required("city").build())
        .build();
    AtomicReference<String> prompt = new AtomicReference<>("");
    try (LanguageModel llama = TestModels.withTemplate(directory, "llama31");
        ParisKvChatModel chat = scripted(llama, text -> {
          prompt.set(text);
          return "{\"name\": \"weather\", \"parameters\": {\"city\": \"Paris\"}}";
        })) {
      ChatResponse response = chat.chat(ask("?").toolSpecifications(tool).build());
      ToolExecutionRequest call = response.aiMessage().toolExecutionRequests().getFirst();
      assertEquals("{\"city\":\"Paris\"}", call.arguments());
      assertNull(response.aiMessage().text());
      assertEquals(FinishReason.TOOL_EXECUTION, response.finishReason());
      assertTrue(prompt.get().contains("of a city"), prompt.get());
      chat.chat(ChatRequest.builder().toolSpecifications(tool).messages(UserMessage.from("?"),
          response.aiMessage(), ToolExecutionResultMessage.from(call, "sunny")).build());
      assertTrue(prompt.get().contains("sunny"), prompt.get());
      assertEquals("{\"name\": \"weather\", \"parameters\": {\"city\": \"Paris\"}}",
          chat.chat(ask("?").parameters(ChatRequestParameters.builder().toolSpecifications(tool)
              .toolChoice(ToolChoice.NONE).build()).build()).aiMessage().text());
      assertThrows(InvalidRequestException.class, () -> chat.chat(UserMessage.from("?"),
          AiMessage.from(ToolExecutionRequest.builder().id("1").name("weather").arguments("[1]")
              .build())));
    }
  }

  @Test
  void whatThereIsNot_isRefused() {
    try (ParisKvChatModel chat = scripted(model, _ -> "x")) {
      refuses(chat, ChatRequestParameters.builder().frequencyPenalty(0.5), "frequencyPenalty");
      refuses(chat, ChatRequestParameters.builder().presencePenalty(0.5), "presencePenalty");
      refuses(chat, ChatRequestParameters.builder().modelName("other"), "recall-12m");
      refuses(chat, ChatRequestParameters.builder().toolSpecifications(
          ToolSpecification.builder().name("f").build()), "tools");
      assertThrows(UnsupportedFeatureException.class,
          () -> chat.chat(CustomMessage.from(Map.of("a", "b"))));
      assertThrows(InvalidRequestException.class, () -> chat
          .chat(ask("x").parameters(ChatRequestParameters.builder().topP(7.0).build()).build()));
    }
  }

  private static void refuses(ParisKvChatModel chat,
      DefaultChatRequestParameters.Builder<?> parameters,
      String named) {
    ChatRequest request = ask("x").parameters(parameters.build()).build();
    UnsupportedFeatureException refusal = assertThrows(UnsupportedFeatureException.class,
        () -> chat.chat(request));
    assertTrue(String.valueOf(refusal).contains(named), refusal::toString);
  }

  @Test
  void failures_areTheExceptionsThatApplicationsCatch() {
    assertFails(RateLimitException.class, new QueueFullException(3));
    assertFails(InvalidRequestException.class, new InputException("too long"));
    assertFails(LangChain4jException.class, new IllegalStateException("broken"));
  }

  private static void assertFails(Class<? extends Exception> expected, RuntimeException cause) {
    try (ParisKvChatModel chat = scripted(model, _ -> {
      throw cause;
    })) {
      assertEquals(cause, assertThrows(expected, () -> chat.chat("x")).getCause());
    }
  }

  @Test
  void closing_endsAnswersUnderWay() throws InterruptedException {
    CountDownLatch started = new CountDownLatch(1);
    AtomicReference<Throwable> failure = new AtomicReference<>();
    ParisKvChatModel chat = scripted(model, _ -> {
      started.countDown();
      return "begun" + ScriptedEngine.HALT;
    });
    Thread asking = Thread.ofVirtual().start(() -> failure
        .set(assertThrows(LangChain4jException.class, () -> chat.chat("x"))));
    started.await();
    asking.interrupt();
    asking.join();
    assertInstanceOf(InterruptedException.class, failure.get().getCause());

    ParisKvChatModel own = ParisKvChatModel.builder().languageModel(model)
        .deadline(Duration.ofMinutes(1)).build();
    own.close();
    own.close(); // twice is harmless
    assertThrows(NonRetriableException.class, () -> own.chat("x"));
  }

  @Test
  void cancelledFuture_cancelsTheAnswer() throws InterruptedException {
    CountDownLatch submitted = new CountDownLatch(1);
    CountDownLatch cancelled = new CountDownLatch(1);
    Engine engine = new ScriptedEngine(model, _ -> {
      submitted.countDown();
      return ScriptedEngine.HALT;
    }) {
      @Override
      public Ticket submit(EngineRequest request,
          EngineListener listener) {
        Ticket ticket = super.submit(request, listener);
        return () -> {
          cancelled.countDown();
          ticket.cancel();
        };
      }
    };
    try (ParisKvChatModel chat = ParisKvChatModel.builder().engine(model, engine).build()) {
      CompletableFuture<ChatResponse> answer = chat.chatAsync(ask("x").build());
      submitted.await();
      assertTrue(answer.cancel(true));
      cancelled.await();
    }
  }

  @Test
  void settingsThatDoNotFitTogether_areRefused() {
    assertRefused("no model", ParisKvChatModel.builder());
    assertRefused("one is to", ParisKvChatModel.builder().languageModel(model)
        .modelDirectory(TestModels.RECALL));
    assertRefused("loaded already",
        ParisKvChatModel.builder().languageModel(model).loadOptions(LoadOptions.defaults()));
    assertRefused("running already", ParisKvChatModel.builder()
        .engine(model, new ScriptedEngine(model, _ -> "")).preset("sharp"));
    assertThrows(InputException.class,
        () -> ParisKvChatModel.builder().modelDirectory(Path.of("missing")).build());
    assertThrows(UnsupportedFeatureException.class, () -> ParisKvChatModel.builder()
        .languageModel(model).defaultRequestParameters(
            ChatRequestParameters.builder().frequencyPenalty(1.0).build())
        .build());
  }

  private static void assertRefused(String why, ParisKvChatModel.Builder builder) {
    IllegalStateException refusal = assertThrows(IllegalStateException.class, builder::build);
    assertTrue(String.valueOf(refusal).contains(why), refusal::toString);
  }

  @Test
  void parameters_overrideOneByOne() {
    ParisKvChatRequestParameters own = ParisKvChatRequestParameters.builder().seed(1L).minP(0.1)
        .repetitionPenalty(1.2).templateVariable("a", 1).stopSequences(List.of("x")).build();
    ChatRequestParameters common = ChatRequestParameters.builder().temperature(0.5).build();
    ChatRequestParameters both = own.overrideWith(common);
    assertEquals(both, common.defaultedBy(own));
    assertEquals(both, own.defaultedBy(common));
    assertEquals(0.5, both.temperature());
    assertEquals(own, ParisKvChatRequestParameters.builder().overrideWith(own).build());
    assertTrue(both.toString().contains("seed=1"), both::toString);
  }
}
