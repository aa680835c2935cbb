package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.openai.OpenAiResponsesChatModel;
import io.pariskv.engine.EngineRequest;
import io.pariskv.generate.FinishReason;
import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.RawClient;
import io.pariskv.server.testing.TestServer;
import io.pariskv.server.testing.TestServer.Reply;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Responses: what goes to the model, what comes back, and the events between. */
@Timeout(60)
class ResponsesTest {
  private static final String PATH = "/v1/responses";
  private static final String TOOLS = "\"tools\":[{\"type\":\"function\",\"name\":\"weather\","
      + "\"description\":\"of a city\",\"strict\":null,\"parameters\":{\"type\":\"object\","
      + "\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}]";
  private static final String BEAT = ": keep-alive\n\n";

  private static String hi(String fields) {
    return "{\"model\":\"fake\",\"input\":\"hi\"" + (fields.isEmpty() ? "" : "," + fields) + "}";
  }

  private static JsonNode json(String text) {
    return JsonMapper.shared().readTree(text);
  }

  /** The data of each event; checks what all have in common. */
  private static List<JsonNode> events(String body) {
    List<JsonNode> events = new ArrayList<>();
    for (String event : body.split("\n\n")) {
      if (event.startsWith("event: ")) {
        JsonNode data = json(event.substring(event.indexOf("\ndata: ") + 7));
        assertTrue(event.startsWith("event: " + data.path("type").asString() + "\n"), event);
        assertEquals(events.size(), data.path("sequence_number").asInt(), event);
        events.add(data);
      } else {
        assertTrue(event.startsWith(":") || event.equals("data: [DONE]"), event);
      }
    }
    return events;
  }

  private static List<String> types(List<JsonNode> events) {
    return events.stream().map(event -> event.path("type").asString().substring(9)).toList();
  }

  @Test
  void whole_hasAMessageItsNumbersAndWhatWasAsked() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("Hel", "lo"))) {
      Reply reply = server.post(PATH, hi("\"metadata\":{\"k\":\"v\"},\"max_output_tokens\":9,"
          + "\"instructions\":\"be brief\",\"temperature\":0.7,\"store\":false"));
      assertEquals(200, reply.status(), reply::body);
      JsonNode json = reply.json();
      String id = json.path("id").asString();
      assertTrue(id.startsWith("resp_"), id);
      assertEquals("response", json.path("object").asString());
      assertEquals("completed", json.path("status").asString());
      assertEquals("[{\"id\":\"" + id.replace("resp_", "msg_") + "_0\",\"type\":\"message\","
          + "\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\","
          + "\"text\":\"Hello\",\"annotations\":[],\"logprobs\":[]}]}]",
          json.path("output").toString());
      int prompt = json.at("/usage/input_tokens").asInt();
      assertEquals("{\"input_tokens\":" + prompt + ",\"output_tokens\":2,\"total_tokens\":"
          + (prompt + 2) + ",\"input_tokens_details\":{\"cached_tokens\":3},"
          + "\"output_tokens_details\":{\"reasoning_tokens\":0}}", json.path("usage").toString());
      assertEquals("{\"k\":\"v\"}", json.path("metadata").toString());
      assertEquals("be brief", json.path("instructions").asString());
      assertEquals(9, json.path("max_output_tokens").asInt());
      assertEquals("0.7", json.path("temperature").toString());
      assertFalse(json.path("store").asBoolean(true));
      for (String absent : List.of("error", "incomplete_details", "previous_response_id")) {
        assertTrue(json.path(absent).isNull(), absent);
      }
    }
  }

  @Test
  void stream_hasEveryEventInItsPlace() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("Hel", "lo"))) {
      String body = server.post(PATH, hi("\"stream\":true")).body();
      assertTrue(body.endsWith("data: [DONE]\n\n"), body);
      List<JsonNode> events = events(body);
      assertEquals(List.of("created", "in_progress", "output_item.added", "content_part.added",
          "output_text.delta", "output_text.delta", "output_text.done", "content_part.done",
          "output_item.done", "completed"), types(events));
      assertEquals("in_progress", events.get(0).at("/response/status").asString());
      assertTrue(events.get(0).at("/response/usage").isNull());
      assertEquals("[]", events.get(2).at("/item/content").toString());
      assertEquals("", events.get(3).at("/part/text").asString());
      assertEquals("Hel", events.get(4).path("delta").asString());
      assertEquals("Hello", events.get(6).path("text").asString());
      assertEquals("Hello", events.get(7).at("/part/text").asString());
      String item = events.get(2).at("/item/id").asString();
      for (JsonNode event : events.subList(3, 8)) {
        assertEquals(item, event.path("item_id").asString());
        assertEquals(0, event.path("output_index").asInt(-1));
        assertEquals(0, event.path("content_index").asInt(-1));
      }
      assertEquals(events.get(8).path("item"), events.get(9).at("/response/output/0"));
      assertEquals(2, events.get(9).at("/response/usage/output_tokens").asInt());
    }
  }

  @Test
  void thoughtsMessagesAndCalls_areItems_alikeInAStreamAndInAWhole() throws Exception {
    FakeEngine engine = FakeEngine.answering("<think>hm", " hm</think>I look.<tool_call>",
        "{\"name\":\"weather\",\"arguments\":{\"city\":\"Rome\"}}</tool_call>");
    try (TestServer server = new TestServer(engine, ToolsTest.template("qwen3"))) {
      JsonNode whole = server.post(PATH, hi(TOOLS)).json();
      assertEquals("completed", whole.path("status").asString());
      assertEquals(3, whole.path("output").size(), whole::toString);
      assertEquals("{\"type\":\"reasoning_text\",\"text\":\"hm hm\"}",
          whole.at("/output/0/content/0").toString());
      assertEquals("[]", whole.at("/output/0/summary").toString());
      assertEquals("I look.", whole.at("/output/1/content/0/text").asString());
      JsonNode call = whole.at("/output/2");
      assertEquals("function_call", call.path("type").asString());
      assertTrue(call.path("call_id").asString().startsWith("call_"));
      assertEquals("weather", call.path("name").asString());
      assertEquals("{\"city\":\"Rome\"}", call.path("arguments").asString());
      assertEquals(Math.min(3, TestServer.encode("hm hm").length),
          whole.at("/usage/output_tokens_details/reasoning_tokens").asInt());

      List<JsonNode> events = events(server.post(PATH, hi("\"stream\":true," + TOOLS)).body());
      assertEquals(List.of("created", "in_progress", "output_item.added", "content_part.added",
          "reasoning_text.delta", "reasoning_text.delta", "reasoning_text.done",
          "content_part.done", "output_item.done", "output_item.added", "content_part.added",
          "output_text.delta", "output_text.done", "content_part.done", "output_item.done",
          "output_item.added", "function_call_arguments.delta", "function_call_arguments.done",
          "output_item.done", "completed"), types(events));
      assertEquals(2, events.get(17).path("output_index").asInt());
      assertEquals("{\"city\":\"Rome\"}", events.get(17).path("arguments").asString());
      JsonNode last = events.getLast().path("response");
      assertEquals(whole.at("/output/1/content"), last.at("/output/1/content"));
      assertEquals(whole.path("usage"), last.path("usage"));
      assertEquals(whole.path("tools"), last.path("tools"));
    }
  }

  @Test
  void items_becomeMessagesOfTheTemplate() throws Exception {
    FakeEngine engine = FakeEngine.answering("ok");
    try (TestServer server = new TestServer(engine, ToolsTest.template("qwen3"))) {
      Reply chat = server.post("/v1/chat/completions",
          """
              {"messages":[{"role":"system","content":"brief"},{"role":"user","content":"a\\nb"},
              {"role":"assistant","content":"I look.","reasoning_content":"hm","tool_calls":[
              {"id":"c1","type":"function","function":{"name":"weather","arguments":"{\\"city\\":\\"A\\"}"}},
              {"id":"c2","type":"function","function":{"name":"weather","arguments":"{\\"city\\":\\"B\\"}"}}]},
              {"role":"tool","tool_call_id":"c1","content":"sun"},{"role":"tool","tool_call_id":"c2","content":"rain"}],
              "tools":[{"type":"function","function":{"name":"weather","description":"of a city","parameters":
              {"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]}""");
      assertEquals(200, chat.status(), chat::body);
      Reply reply = server.post(PATH,
          """
              {"instructions":"brief","input":[{"role":"user","content":[{"type":"input_text","text":"a"},
              {"type":"input_text","text":"b"}]},
              {"id":"rs_1","type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},
              {"id":"m","type":"message","status":"completed","role":"assistant","content":
              [{"type":"output_text","text":"I look.","annotations":[],"logprobs":[]}]},
              {"type":"function_call","call_id":"c1","name":"weather","arguments":"{\\"city\\":\\"A\\"}"},
              {"type":"function_call","id":"fc","call_id":"c2","name":"weather","arguments":"{\\"city\\":\\"B\\"}"},
              {"type":"function_call_output","call_id":"c1","output":"sun"},
              {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"rain"}]}],
              """
              + TOOLS + "}");
      assertEquals(200, reply.status(), reply::body);
      String expected = TestServer.decode(engine.next().request().prompt());
      assertTrue(expected.contains("rain"), expected);
      assertEquals(expected, TestServer.decode(engine.next().request().prompt()));
    }
  }

  @Test
  void turnsOfAModel_areOneMessageEach() throws Exception {
    FakeEngine engine = FakeEngine.answering("ok");
    try (TestServer server = new TestServer(engine)) {
      server.post(PATH, "{\"input\":[{\"role\":\"developer\",\"content\":\"d\"},"
          + "{\"role\":\"assistant\",\"content\":\"one\"},{\"role\":\"assistant\",\"content\":\"two\"},"
          + "{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"t\"}]},"
          + "{\"role\":\"user\",\"content\":\"u\"}],\"max_output_tokens\":7,\"top_p\":0.5}");
      EngineRequest request = engine.next().request();
      assertArrayEquals(TestServer.encode("""
          <|im_start|>system
           d<|im_end|>
          <|im_start|>assistant
           one<|im_end|>
          <|im_start|>assistant
           two<|im_end|>
          <|im_start|>assistant
           <|im_end|>
          <|im_start|>user
           u<|im_end|>
          <|im_start|>assistant
          """), request.prompt());
      assertEquals(7, request.options().maxTokens());
      assertEquals(0.5f, request.options().topP());
    }
  }

  @Test
  void answerThatIsTooLong_isIncomplete_asIsItsLastItem() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine); RawClient client = server.connect()) {
      client.post(PATH, hi("\"stream\":true")).head();
      assertEquals(List.of("created", "in_progress"), types(events(client.chunk())));
      assertEquals(BEAT, client.chunk(), "while the prompt is read");
      engine.next().prefill(0).token("a").end(FinishReason.LENGTH);
      String body = client.chunks();
      JsonNode last = json(body.substring(body.lastIndexOf("data: {") + 6,
          body.lastIndexOf("\n\ndata: [DONE]")));
      assertEquals("response.incomplete", last.path("type").asString());
      assertEquals("incomplete", last.at("/response/status").asString());
      assertEquals("max_output_tokens", last.at("/response/incomplete_details/reason").asString());
      assertEquals("incomplete", last.at("/response/output/0/status").asString());
    }
  }

  @Test
  void failureInTheMiddle_isAFailedResponse() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine); RawClient client = server.connect()) {
      client.post(PATH, hi("\"stream\":true")).head();
      client.chunk();
      engine.next().fail(new IllegalStateException("the secret cause"));
      String body = client.chunks();
      JsonNode last = json(body.substring(body.lastIndexOf("data: ") + 6));
      assertEquals("response.failed", last.path("type").asString());
      assertEquals("failed", last.at("/response/status").asString());
      assertEquals("server_error", last.at("/response/error/code").asString());
      assertFalse(body.contains("secret") || body.contains("[DONE]"), body);
    }
  }

  @Test
  void clientThatGoes_cancelsItsResponse() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine)) {
      FakeEngine.Submission submission;
      try (RawClient client = server.connect()) {
        client.post(PATH, hi("\"stream\":true")).head();
        submission = engine.next().prefill(0);
      }
      submission.awaitCancelled();
      assertEquals("abort", server.logged().path("finish_reason").asString());
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      "previous_response_id | \"resp_1\"", "conversation | {\"id\":\"c\"}", "store | true",
      "background | true", "include | [\"reasoning.encrypted_content\"]", "truncation | \"auto\"",
      "max_tool_calls | 3", "top_logprobs | 2", "prompt | {\"id\":\"p\"}",
      "text.format.type | {\"format\":{\"type\":\"grammar\"}}",
      "text.format.name | {\"format\":{\"type\":\"json_schema\",\"schema\":{}}}",
      "text.verbosity | {\"verbosity\":\"low\"}",
      "reasoning.effort | {\"effort\":\"low\"}", "reasoning.summary | {\"summary\":\"auto\"}",
      "tool_choice | \"required\"", "parallel_tool_calls | 1", "service_tier | \"flex\"",
      "stream_options | {\"include_obfuscation\":false}", "max_tokens | 5", "messages | []",
      "max_output_tokens | 0", "metadata | 5", "instructions | 5", "frobnicate | 1",
      "tools | [{\"type\":\"function\",\"name\":\"f\"}]", "input | 5", "input | []",
      "input[0].type | [{\"type\":\"item_reference\",\"id\":\"x\"}]",
      "input[0].type | [{\"type\":\"web_search_call\"}]",
      "input[0].role | [{\"content\":\"x\"}]", "input[0].content | [{\"role\":\"user\"}]",
      "input[0].role | [{\"role\":\"tool\",\"content\":\"x\"}]",
      "input[0].content[0].type | [{\"role\":\"user\",\"content\":[{\"type\":\"input_image\"}]}]",
      "input[0].encrypted_content | [{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"x\"}]",
      "input[0].call_id | [{\"type\":\"function_call_output\",\"output\":\"x\"}]",
      "input[0].type | [{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}]",
      "input[0].phase | [{\"role\":\"user\",\"content\":\"x\",\"phase\":\"commentary\"}]"})
  void whatCannotBeKept_isRefusedByItsName(String param, String value) throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("x"))) {
      String field = param.split("[.\\[]")[0];
      String body = field.equals("input")
          ? "{\"input\":" + value + "}"
          : hi("\"" + field + "\":" + value);
      Reply reply = server.post(PATH, body);
      assertEquals(400, reply.status(), reply::body);
      assertEquals(param, reply.error().path("param").asString(), reply::body);
    }
  }

  @Test
  void fieldsThatAskForWhatIsDoneAnyway_areTaken() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("x"))) {
      Reply reply = server.post(PATH, hi("\"store\":null,\"background\":false,\"include\":[],"
          + "\"truncation\":\"disabled\",\"text\":{\"format\":{\"type\":\"text\"}},\"reasoning\":{},"
          + "\"tool_choice\":\"auto\",\"tools\":[],\"parallel_tool_calls\":true,\"top_logprobs\":0,"
          + "\"service_tier\":\"auto\",\"user\":\"me\",\"safety_identifier\":\"s\","
          + "\"prompt_cache_key\":\"k\",\"stream\":true,\"stream_options\":{\"include_obfuscation\":false}"));
      assertEquals(200, reply.status(), reply::body);
      reply = server.post(PATH, "{\"instructions\":\"i\"}");
      assertEquals("input", reply.error().path("param").asString(), reply::body);
    }
  }

  @Test
  void clientOfLangChain4j_hasItsAnswer() throws Exception {
    FakeEngine engine = FakeEngine.answering("Hel", "lo");
    try (TestServer server = new TestServer(engine)) {
      ChatResponse answer = OpenAiResponsesChatModel.builder()
          .baseUrl(server.server().url() + "/v1").apiKey("any").modelName(TestServer.MODEL)
          .maxOutputTokens(5).build()
          .chat(SystemMessage.from("be brief"), UserMessage.from("hello"));
      assertEquals("Hello", answer.aiMessage().text());
      assertEquals(2, answer.tokenUsage().outputTokenCount());
      assertEquals(5, engine.next().request().options().maxTokens());
    }
  }
}
