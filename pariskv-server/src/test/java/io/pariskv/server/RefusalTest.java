package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.engine.EngineRequest;
import io.pariskv.engine.EngineStoppedException;
import io.pariskv.error.InputException;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.server.http.ApiKeys;
import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.RawClient;
import io.pariskv.server.testing.TestServer;
import io.pariskv.server.testing.TestServer.Reply;
import java.io.ByteArrayInputStream;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is refused is refused by its name, and the rest arrives at the engine. */
@Timeout(60)
class RefusalTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String COMPLETIONS = "/v1/completions";

  private final FakeEngine engine = FakeEngine.answering("ok");
  private final TestServer server = new TestServer(engine);

  @AfterEach
  void close() {
    server.close();
  }

  private static void refused(Reply reply, int status, String param, String code) {
    assertEquals(status, reply.status(), reply::body);
    assertEquals(param, reply.error().path("param").asString(""), reply::body);
    assertEquals(code, reply.error().path("code").asString(""), reply::body);
    assertFalse(reply.error().path("message").asString("").isEmpty(), reply::body);
    assertTrue(reply.error().has("type"), reply::body);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      "n | 2 | unsupported_parameter", "logprobs | 1 | invalid_value",
      "top_logprobs | 3 | invalid_value", "top_logprobs | 21 | invalid_value",
      "presence_penalty | 0.5 | unsupported_parameter",
      "frequency_penalty | -1 | unsupported_parameter",
      "logit_bias | {\"5\":1} | unsupported_parameter",
      "response_format | \"json\" | invalid_value", "tool_choice | \"required\" | invalid_value",
      "tool_choice | \"any\" | invalid_value", "tool_choice | 1 | invalid_value",
      "parallel_tool_calls | 0 | invalid_value",
      "functions | [{}] | unsupported_parameter", "store | true | unsupported_parameter",
      "service_tier | \"flex\" | unsupported_parameter",
      "modalities | [\"audio\"] | unsupported_parameter",
      "prediction | {} | unsupported_parameter",
      "reasoning_effort | \"low\" | unsupported_parameter",
      "verbosity | \"low\" | unsupported_parameter",
      "web_search_options | {} | unsupported_parameter", "audio | {} | unsupported_parameter",
      "best_of | 2 | unsupported_parameter", "frobnicate | 1 | unknown_parameter",
      "prompt | \"x\" | unknown_parameter", "guided_json | {} | unknown_parameter",
      "temperature | -0.1 | invalid_value", "temperature | \"hot\" | invalid_value",
      "temperature | 1e999 | invalid_value",
      "top_p | 0 | invalid_value", "top_p | 1.5 | invalid_value", "top_k | 1.5 | invalid_value",
      "top_k | -2 | invalid_value", "min_p | 2 | invalid_value",
      "repetition_penalty | 0 | invalid_value", "seed | 1.5 | invalid_value",
      "seed | 99999999999999999999 | invalid_value",
      "max_tokens | 0 | invalid_value", "max_completion_tokens | -1 | invalid_value",
      "stop | [\"\"] | invalid_value",
      "stop | [1] | invalid_value", "stop | {} | invalid_value", "stream | \"yes\" | invalid_value",
      "stream_options | 1 | invalid_value",
      "ignore_eos | 1 | invalid_value", "chat_template_kwargs | 5 | invalid_value",
      "stream_options | {\"include_usage\":true} | unsupported_parameter"})
  void field_ofAChat_isRefusedByItsName(String field, String value, String code) throws Exception {
    refused(server.post(CHAT, TestServer.chat("\"" + field + "\":" + value)), 400, field, code);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      "echo | true", "logprobs | 6", "logprobs | true", "top_logprobs | 1",
      "response_format | {}", "suffix | \"end\"", "best_of | 3", "n | 2", "messages | []",
      "tools | []"})
  void field_ofACompletion_isRefusedByItsName(String field, String value) throws Exception {
    Reply reply = server.post(COMPLETIONS, "{\"prompt\":\"x\",\"" + field + "\":" + value + "}");
    assertEquals(400, reply.status(), reply::body);
    assertEquals(field, reply.error().path("param").asString());
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      "`\"hi\"` | messages", "[] | messages", "[1] | messages[0]", "[{}] | messages[0].role",
      "[{\"role\":\"robot\",\"content\":\"x\"}] | messages[0].role",
      "[{\"role\":\"user\"}] | messages[0].content",
      "[{\"role\":\"user\",\"content\":5}] | messages[0].content",
      "[{\"role\":\"user\",\"content\":\"x\",\"colour\":1}] | messages[0].colour",
      "[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}}]}] | messages[0].content[0].type",
      "[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}] | messages[0].content[0].text",
      "[{\"role\":\"user\",\"content\":\"x\",\"audio\":{}}] | messages[0].audio"})
  void message_isRefusedByItsPlace(String messages, String param) throws Exception {
    Reply reply = server.post(CHAT, "{\"messages\":" + messages + "}");
    assertEquals(400, reply.status(), reply::body);
    assertEquals(param, reply.error().path("param").asString(), reply::body);
  }

  @Test
  void fieldsThatAskForWhatIsDoneAnyway_areTaken() throws Exception {
    Reply reply = server.post(CHAT, TestServer.chat("\"n\":1,\"logprobs\":false,\"store\":false,"
        + "\"presence_penalty\":0.0,\"frequency_penalty\":0,\"logit_bias\":{},\"tools\":[],"
        + "\"tool_choice\":\"none\",\"response_format\":{\"type\":\"text\"},\"user\":\"me\","
        + "\"metadata\":{\"a\":\"b\"},\"modalities\":[\"text\"],\"service_tier\":\"auto\","
        + "\"audio\":null,\"frobnicate\":null,\"stream\":false,\"stream_options\":null"));
    assertEquals(200, reply.status(), reply::body);
  }

  @Test
  void sampling_arrivesAtTheEngine() throws Exception {
    server.post(CHAT,
        TestServer.chat("\"temperature\":0.5,\"top_p\":0.9,\"top_k\":-1,\"min_p\":0.1,"
            + "\"repetition_penalty\":1.25,\"seed\":-7,\"stop\":[\"a\",\"b\"],\"ignore_eos\":true,"
            + "\"max_completion_tokens\":9"));
    EngineRequest request = engine.next().request();
    assertEquals(new GenerationOptions(9, 0.5f, 0.9f, 0, 0.1f, 1.25f, -7, List.of("a", "b"), true,
        null, GenerationOptions.NO_LOGPROBS),
        request.options());
  }

  @Test
  void withoutSampling_theModelsOwnAndTheWholeRoomAreTaken_andSeedsDiffer() throws Exception {
    server.post(CHAT, TestServer.chat(""));
    server.post(CHAT, TestServer.chat("\"stop\":\"end\""));
    EngineRequest first = engine.next().request();
    assertEquals(0, first.options().temperature());
    assertEquals(TestServer.CONTEXT - first.prompt().length, first.options().maxTokens());
    GenerationOptions second = engine.next().request().options();
    assertFalse(first.options().seed() == second.seed());
    assertEquals(List.of("end"), second.stop());
  }

  @Test
  void completions_takeTextAndIds_andSixteenTokens() throws Exception {
    for (String prompt : List.of("\"ab\"", "[\"ab\"]", "[5,6]", "[[5,6]]")) {
      assertEquals(200, server.post(COMPLETIONS, "{\"prompt\":" + prompt + "}").status(), prompt);
    }
    assertEquals(16, engine.next().request().options().maxTokens());
    engine.next();
    for (int i = 0; i < 2; i++) {
      assertArrayEquals(new int[]{5, 6}, engine.next().request().prompt());
    }
    for (String prompt : List.of("[\"a\",\"b\"]", "[]", "{}", "5", "[-1]", "[1.5]", "[5,\"a\"]",
        "[[5],[6]]", "[999999999]", "[[]]", "[[[5]]]", "[null]")) {
      Reply reply = server.post(COMPLETIONS, "{\"prompt\":" + prompt + "}");
      assertEquals(400, reply.status(), prompt);
      assertTrue(reply.error().path("param").asString("").startsWith("prompt"), reply::body);
    }
  }

  @Test
  void messages_becomeThePromptOfTheTemplate() throws Exception {
    server.post(CHAT, "{\"messages\":[{\"role\":\"developer\",\"content\":\"be brief\"},"
        + "{\"role\":\"user\",\"name\":\"me\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
        + "{\"type\":\"text\",\"text\":\"b\"}]}],\"chat_template_kwargs\":{\"enable_thinking\":false}}");
    int[] expected = TestServer.encode("""
        <|im_start|>system
         be brief<|im_end|>
        <|im_start|>user
         a
        b<|im_end|>
        <|im_start|>assistant
        """);
    assertArrayEquals(expected, engine.next().request().prompt());
  }

  @ParameterizedTest
  @ValueSource(strings = {"messages", "tools", "add_generation_prompt"})
  void variableOfTheTemplate_thatTheRequestGives_isRefused(String name) throws Exception {
    refused(server.post(CHAT, TestServer.chat("\"chat_template_kwargs\":{\"" + name + "\":1}")),
        400,
        "chat_template_kwargs." + name, "invalid_value");
  }

  @Test
  void longPrompt_isRefusedWithTheCountedTokens() throws Exception {
    Reply reply = server.post(CHAT, TestServer.chat("\"max_tokens\":99999"));
    refused(reply, 400, "messages", "context_length_exceeded");
    int prompt = TestServer
        .encode("<|im_start|>user\n hi<|im_end|>\n<|im_start|>assistant\n").length;
    String message = reply.error().path("message").asString();
    assertTrue(message.contains("maximum context length is 100000 tokens"), message);
    assertTrue(message.contains(prompt + " in the messages, 99999 in the completion"), message);
    reply = server.post(COMPLETIONS, "{\"prompt\":[" + "5,".repeat(99_999) + "5]}");
    refused(reply, 400, "prompt", "context_length_exceeded");
    assertTrue(reply.error().path("message").asString().contains("100000 in the prompt"));
    reply = server.post(COMPLETIONS, "{\"prompt\":[" + "5,".repeat(99_998) + "5]}");
    assertEquals(200, reply.status(), "one token fits");
    assertEquals(1, engine.next().request().options().maxTokens());
  }

  @Test
  void modelsAndPaths_thatDoNotExist_areNotFound() throws Exception {
    refused(server.post(CHAT, "{\"model\":\"gpt-9\",\"messages\":[]}"), 404, "model",
        "model_not_found");
    refused(server.get("/v1/models/gpt-9"), 404, "model", "model_not_found");
    refused(server.get("/v2/none"), 404, "", "not_found");
    refused(server.post("/v1/embeddings", "{}"), 404, "", "not_found");
    Reply reply = server.get(CHAT);
    refused(reply, 405, "", "method_not_allowed");
    assertEquals("POST", reply.response().headers().firstValue("Allow").orElse(""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[]", "5", "{\"a\":1}}", "{\"model\":\"a\",\"model\":\"b\"}",
      "{\"a\":NaN}", "{\"a\":'b'}", "nul", "{\"a\":\u0000}"})
  void body_thatIsNotOneObject_isRefused(String body) throws Exception {
    refused(server.post(CHAT, body), 400, "", "invalid_json");
  }

  @Test
  void body_beyondTheBounds_isRefused() throws Exception {
    refused(server.post(CHAT, "{\"a\":" + "[".repeat(1000) + "]".repeat(1000) + "}"), 400, "",
        "invalid_json");
    refused(server.post(CHAT, "{\"seed\":" + "1".repeat(1000) + "}"), 400, "", "invalid_json");
    refused(server.post(CHAT, new byte[]{'{', '"', (byte) 0xC3, '"', ':', '1', '}'}), 400, "",
        "invalid_json");
    refused(
        server.post(CHAT,
            new byte[]{'{', '"', 'a', '"', ':', '"', (byte) 0xC0, (byte) 0x80, '"', '}'}),
        400, "", "invalid_json");
    String large = "{\"a\":\"" + "x".repeat(2 << 20) + "\"}";
    refused(server.post(CHAT, large), 413, "", "request_too_large");
    refused(server.reply(server.request(CHAT).header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofInputStream(
            () -> new ByteArrayInputStream(large.getBytes(StandardCharsets.UTF_8))))),
        413, "", "request_too_large");
  }

  @Test
  void body_ofAnotherType_isRefused() throws Exception {
    refused(server.reply(server.request(CHAT).header("Content-Type", "text/plain")
        .POST(HttpRequest.BodyPublishers.ofString("{}"))), 415, "", "unsupported_media_type");
    refused(server.reply(server.request(CHAT, "Content-Encoding", "gzip", "Content-Type",
        "application/json").POST(HttpRequest.BodyPublishers.ofString("{}"))), 415, "",
        "unsupported_media_type");
  }

  @Test
  void fullQueue_saysWhenToComeAgain() throws Exception {
    FakeEngine full = new FakeEngine();
    full.refuseBeyond(0);
    try (TestServer busy = new TestServer(full)) {
      Reply reply = busy.post(CHAT, TestServer.chat("\"stream\":true"));
      refused(reply, 429, "", "queue_full");
      int seconds = Integer.parseInt(reply.response().headers().firstValue("Retry-After").get());
      assertTrue(seconds >= 1, () -> "" + seconds);
    }
  }

  @Test
  void refusalsAndFailuresOfTheEngine_haveTheirStatus() throws Exception {
    engine.refuseWith(new InputException("the prompt needs 9 GB, there are 8"));
    Reply reply = server.post(CHAT, TestServer.chat(""));
    refused(reply, 400, "", "invalid_value");
    assertTrue(reply.body().contains("needs 9 GB"));
    engine.refuseWith(new IllegalArgumentException("our own mistake"));
    reply = server.post(CHAT, TestServer.chat(""));
    refused(reply, 500, "", "internal_error");
    assertFalse(reply.body().contains("mistake"), reply::body);
  }

  @Test
  void engineThatHasFailed_isToldByEveryReply() throws Exception {
    engine.refuseWith(new EngineStoppedException(new IllegalStateException("the GPU is lost")));
    assertEquals(200, server.get("/health").status());
    refused(server.post(CHAT, TestServer.chat("")), 503, "", "engine_failed");
    refused(server.get("/health"), 503, "", "engine_failed");
    refused(server.get("/health/ready"), 503, "", "engine_failed");
  }

  @Test
  void key_isNeededWhereThereIsOne() throws Exception {
    ServerSettings settings = ServerSettings.local().withLimits(TestServer.LIMITS)
        .withKeys(ApiKeys.of(List.of("sesame-sesame", "second-second")));
    try (TestServer locked = new TestServer(FakeEngine.answering("ok"), settings)) {
      for (String header : List.of("Basic sesame-sesame", "Bearer sesame", "Bearer ",
          "Bearer sesame-sesame-", "sesame-sesame")) {
        refused(locked.get("/v1/models", "Authorization", header), 401, "", "invalid_api_key");
      }
      refused(locked.post(CHAT, TestServer.chat("")), 401, "", "invalid_api_key");
      refused(locked.get("/metrics"), 401, "", "invalid_api_key");
      assertEquals(200, locked.get("/health").status());
      for (String header : List.of("Bearer sesame-sesame", "bearer  second-second")) {
        assertEquals(200, locked.get("/v1/models", "Authorization", header).status());
      }
      for (int i = 0; i < 10; i++) {
        assertFalse(locked.logged().toString().contains("sesame"), "keys are not logged");
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"localhost, 200", "LocalHost:8000, 200", "127.0.0.1:80, 200", "[::1]:8000, 200",
      "a.localhost, 200", "evil.example:8000, 403", "localhost.evil.example, 403",
      "127.0.0.1.evil.example, 403", "10.0.0.1, 403"})
  void nameOfAStranger_isRefusedByAServerOfThisMachine(String host, int status) throws Exception {
    try (RawClient client = server.connect()) {
      client.send("GET /v1/models HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
      assertTrue(client.head().status().contains(" " + status));
    }
  }

  @Test
  void headers_thatAreTooLong_areNotAnswered() throws Exception {
    try (RawClient client = server.connect()) {
      client.send("GET /health HTTP/1.1\r\nX-Header: " + "x".repeat(50_000) + "\r\n\r\n");
      assertTrue(client.closed());
    }
  }
}
