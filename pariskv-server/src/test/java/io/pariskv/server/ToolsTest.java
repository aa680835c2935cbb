package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.output.FinishReason;
import io.pariskv.chat.MessageTemplate;
import io.pariskv.chat.ToolFormat;
import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.TestServer;
import io.pariskv.server.testing.TestServer.Reply;
import io.pariskv.text.jinja.JinjaTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Functions go to the model through its template, and its calls come back as calls. */
@Timeout(60)
class ToolsTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String TOOLS = "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
      + "\"weather\",\"description\":\"of a city\",\"parameters\":{\"type\":\"object\","
      + "\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}}]";

  /** A template of the core's fixtures, which have the tags of the families replaced. */
  static MessageTemplate template(String name) throws IOException {
    Path file = Path.of(System.getProperty("project.root", "..")).resolve(
        "pariskv-core/src/test/resources/jinja/templates/" + name + ".jinja");
    JinjaTemplate parsed = JinjaTemplate.parse(name, Files.readString(file)
        .replace("<call>", "<tool_call>").replace("</call>", "</tool_call>"));
    return (messages, generation, variables) -> {
      Map<String, @Nullable Object> all = new LinkedHashMap<>(variables);
      all.putIfAbsent("tools", null);
      all.put("bos_token", "");
      all.put("messages", messages);
      all.put("add_generation_prompt", generation);
      return parsed.render(all);
    };
  }

  @ParameterizedTest
  @CsvSource({"qwen25, TAGGED", "qwen3, TAGGED", "llama31, BARE", "mistral, NONE",
      "deepseek_r1, NONE"})
  void format_isWhatTheTemplateWrites(String name, ToolFormat format) throws Exception {
    assertEquals(format, ToolFormat.of(template(name)));
  }

  @Test
  void thoughts_standBesideTheAnswer() throws Exception {
    JsonNode choice = answer("qwen3", " <th", "ink>\nlet me", " see</th", "ink>\n\nIt is",
        "<tool_call>{\"name\":\"weather\"}</tool_call>");
    assertEquals("let me see", choice.at("/message/reasoning_content").asString());
    assertEquals("It is", choice.at("/message/content").asString());
    assertEquals(List.of("weather{}"), calls(choice));
    choice = answer("qwen3", "<think>", "never ends");
    assertEquals("never ends", choice.at("/message/reasoning_content").asString());
    assertEquals("", choice.at("/message/content").asString());
    choice = answer("qwen3", "no <think>thought</think>");
    assertEquals("no <think>thought</think>", choice.at("/message/content").asString());
    assertTrue(choice.at("/message/reasoning_content").isMissingNode());
    choice = answerAfter("<think>\n", "inside</think>out");
    assertEquals("inside", choice.at("/message/reasoning_content").asString());
    assertEquals("out", choice.at("/message/content").asString());
  }

  /** Of a model whose prompt ends with this. */
  private static JsonNode answerAfter(String end, String piece) throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering(piece),
        (messages, _, _) -> messages.toString() + end)) {
      return server.post(CHAT, TestServer.chat("")).json().at("/choices/0");
    }
  }

  private static JsonNode answer(String template, String... pieces) throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering(pieces), template(template))) {
      Reply reply = server.post(CHAT, TestServer.chat(TOOLS));
      assertEquals(200, reply.status(), reply::body);
      return reply.json().at("/choices/0");
    }
  }

  /** Name and arguments of each call. */
  private static List<String> calls(JsonNode choice) {
    List<String> calls = new ArrayList<>();
    for (JsonNode call : choice.at("/message/tool_calls")) {
      assertTrue(call.path("id").asString().startsWith("call_"));
      assertEquals("function", call.path("type").asString());
      calls.add(call.at("/function/name").asString() + call.at("/function/arguments").asString());
    }
    return calls;
  }

  @Test
  void taggedCalls_areFound_withTheTextAround() throws Exception {
    JsonNode choice = answer("qwen3", "I look.\n<tool_", "call>\n{\"name\": \"weather\", \"argu",
        "ments\": {\"city\": \"Paris\", \"x\": 0.10}}\n</tool_call>\n<tool_call>{\"name\":\"b\"}",
        "</tool_call>");
    assertEquals("tool_calls", choice.path("finish_reason").asString());
    assertEquals("I look.\n", choice.at("/message/content").asString());
    assertEquals(List.of("weather{\"city\":\"Paris\",\"x\":0.10}", "b{}"), calls(choice));
  }

  @Test
  void taggedCall_withoutItsEnd_isACall() throws Exception {
    JsonNode choice = answer("qwen25",
        "<tool_call>{\"name\":\"weather\",\"arguments\":{\"city\":\"Rome\"}}");
    assertEquals(List.of("weather{\"city\":\"Rome\"}"), calls(choice));
    assertTrue(choice.at("/message/content").isNull());
  }

  @ParameterizedTest
  @ValueSource(strings = {"<tool_call>no JSON</tool_call>", "<tool_call>{\"name\":5}</tool_call>",
      "<tool_call>", "<tool_call", "a < b",
      "<tool_call>{\"name\":\"a\",\"arguments\":\"b\"}</tool_call>",
      "plain"})
  void whatIsNoTaggedCall_isText(String text) throws Exception {
    JsonNode choice = answer("qwen3", text);
    assertEquals(text, choice.at("/message/content").asString());
    assertEquals("stop", choice.path("finish_reason").asString());
    assertTrue(choice.at("/message/tool_calls").isMissingNode());
  }

  @Test
  void bareCalls_areFound() throws Exception {
    JsonNode choice = answer("llama31", "\n{\"name\": \"wea", "ther\", \"parameters\": {\"city\": ",
        "\"Oslo\"}}; {\"name\":\"weather\",\"parameters\":{\"city\":\"a};{b\"}}");
    assertEquals("tool_calls", choice.path("finish_reason").asString());
    assertEquals(
        List.of("weather{\"city\":\"Oslo\"}", "weather{\"city\":\"a};{b\"}"), calls(choice));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"name\":\"unknown\",\"parameters\":{}}", "{\"a\":1}", "{", "",
      "It is {\"name\":\"weather\",\"parameters\":{}}", " \n",
      "{\"name\":\"weather\",\"parameters\":5}"})
  void whatIsNoBareCall_isText(String text) throws Exception {
    JsonNode choice = answer("llama31", text);
    assertEquals(text, choice.at("/message/content").asString());
    assertEquals("stop", choice.path("finish_reason").asString());
  }

  @Test
  void parts_doNotDependOnHowTheTextIsCut() throws Exception {
    String text = "a <tool <tool_call>{\"name\":\"f\",\"arguments\":{\"x\":\"</tool\"}}</tool_call>"
        + "\n<tool_call>{}</tool_call> b";
    JsonNode whole = answer("qwen3", text);
    SplittableRandom random = new SplittableRandom(7);
    for (int round = 0; round < 20; round++) {
      List<String> pieces = new ArrayList<>();
      for (int at = 0; at < text.length();) {
        int end = Math.min(text.length(), at + 1 + random.nextInt(9));
        pieces.add(text.substring(at, end));
        at = end;
      }
      StringBuilder content = new StringBuilder();
      List<String> calls = new ArrayList<>();
      for (JsonNode delta : stream("qwen3", pieces.toArray(String[]::new))) {
        content.append(delta.path("content").asString(""));
        delta.path("tool_calls").forEach(call -> calls.add(call.at("/function/name").asString()
            + call.at("/function/arguments").asString()));
      }
      assertEquals(whole.at("/message/content").asString(), content.toString());
      assertEquals(calls(whole), calls);
    }
  }

  private static List<JsonNode> stream(String template, String... pieces) throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering(pieces), template(template))) {
      Reply reply = server.post(CHAT, TestServer.chat("\"stream\":true," + TOOLS));
      return reply.body().lines().filter(line -> line.startsWith("data: {"))
          .map(line -> JsonMapper.shared().readTree(line.substring(6)).at("/choices/0/delta"))
          .toList();
    }
  }

  @Test
  void streamedCall_hasItsIndex_andTheReasonSaysSo() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering(
        "<tool_call>{\"name\":\"weather\",\"arguments\":{}}</tool_call>"), template("qwen3"))) {
      String body = server.post(CHAT, TestServer.chat("\"stream\":true," + TOOLS)).body();
      assertTrue(body.contains("\"tool_calls\":[{\"id\":\"call_"), body);
      assertTrue(body.contains("\"arguments\":\"{}\"},\"index\":0}"), body);
      assertTrue(body.contains("\"finish_reason\":\"tool_calls\""), body);
    }
  }

  @Test
  void choiceNone_leavesFunctionsOut() throws Exception {
    FakeEngine engine = FakeEngine.answering("<tool_call>");
    try (TestServer server = new TestServer(engine, template("qwen3"))) {
      server.post(CHAT, TestServer.chat(TOOLS));
      server.post(CHAT, TestServer.chat(TOOLS + ",\"tool_choice\":\"none\""));
      server.post(CHAT, TestServer.chat(""));
      int with = engine.next().request().prompt().length;
      int none = engine.next().request().prompt().length;
      assertTrue(with > none);
      assertEquals(engine.next().request().prompt().length, none);
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      "\"tool_choice\":{\"type\":\"function\"} | tool_choice.function",
      "\"tool_choice\":{\"type\":\"function\",\"function\":{}} | tool_choice.function.name",
      "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"other\"}} | tool_choice.function.name",
      "\"tool_choice\":{\"type\":\"function\",\"name\":\"weather\"} | tool_choice.function",
      "\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{}} | tool_choice.type",
      "\"tool_choice\":\"sometimes\" | tool_choice",
      "\"parallel_tool_calls\":false | parallel_tool_calls"})
  void choicesThatCannotBeKept_areRefused(String field, String param) throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("x"), template("qwen3"))) {
      Reply reply = server.post(CHAT, TestServer.chat(TOOLS + "," + field));
      assertEquals(400, reply.status(), reply::body);
      assertEquals(param, reply.error().path("param").asString());
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      "[1] | tools[0]", "[{}] | tools[0].type", "[{\"type\":\"web\"}] | tools[0].type",
      "[{\"type\":\"function\"}] | tools[0].function",
      "[{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}] | tools[0].function.name",
      "[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"strict\":true}}] | tools[0].function.strict",
      "[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"colour\":1}}] | tools[0].function.colour"})
  void definition_isRefusedByItsPlace(String tools, String param) throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("x"), template("qwen3"))) {
      Reply reply = server.post(CHAT, TestServer.chat("\"tools\":" + tools));
      assertEquals(400, reply.status(), reply::body);
      assertEquals(param, reply.error().path("param").asString());
    }
  }

  @Test
  void modelWithoutFunctions_refusesThem() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("x"))) {
      Reply reply = server.post(CHAT, TestServer.chat(TOOLS));
      assertEquals(400, reply.status());
      assertEquals("tools", reply.error().path("param").asString());
    }
  }

  @Test
  void thoughts_arriveAtLangChain4j() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("<think>hm</think>yes"),
        template("qwen3"))) {
      AiMessage answer = OpenAiChatModel.builder().baseUrl(server.server().url() + "/v1")
          .apiKey("any").modelName(TestServer.MODEL).maxRetries(0).returnThinking(true).build()
          .chat(UserMessage.from("really?")).aiMessage();
      assertEquals("hm", answer.thinking());
      assertEquals("yes", answer.text());
    }
  }

  @Test
  void conversationOfLangChain4j_goesThereAndBack() throws Exception {
    FakeEngine engine = FakeEngine.answering(
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Lima\"}}\n</tool_call>");
    try (TestServer server = new TestServer(engine, template("qwen25"))) {
      OpenAiChatModel model = OpenAiChatModel.builder().baseUrl(server.server().url() + "/v1")
          .apiKey("any").modelName(TestServer.MODEL).maxRetries(0).build();
      ToolSpecification weather = ToolSpecification.builder().name("weather")
          .description("of a city")
          .parameters(JsonObjectSchema.builder().addStringProperty("city").build()).build();
      UserMessage question = UserMessage.from("how is Lima?");
      ChatResponse first = model.chat(ChatRequest.builder().messages(question)
          .toolSpecifications(weather).build());
      assertEquals(FinishReason.TOOL_EXECUTION, first.finishReason());
      ToolExecutionRequest call = first.aiMessage().toolExecutionRequests().getFirst();
      assertEquals("weather", call.name());
      assertEquals("{\"city\":\"Lima\"}", call.arguments());
      engine.next();
      AiMessage answer = first.aiMessage();
      model.chat(ChatRequest.builder()
          .messages(question, answer, ToolExecutionResultMessage.from(call, "sunny"))
          .toolSpecifications(weather).build());
      String prompt = TestServer.decode(engine.next().request().prompt());
      for (String part : List.of("\"weather\"", "{\"name\": \"weather\", \"arguments\": {\"city\": "
          + "\"Lima\"}}", "sunny")) {
        assertTrue(prompt.contains(part), prompt);
      }
    }
  }
}
