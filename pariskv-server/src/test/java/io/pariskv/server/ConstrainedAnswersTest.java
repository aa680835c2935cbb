package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonBooleanSchema;
import dev.langchain4j.model.chat.request.json.JsonEnumSchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.output.FinishReason;
import io.pariskv.chat.AnswerForms;
import io.pariskv.chat.MessageTemplate;
import io.pariskv.chat.ToolFormat;
import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.method.ParisKv;
import io.pariskv.server.model.ServedModel;
import io.pariskv.server.testing.TestServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Answers of a form, of two real models on one server: the bundled one, and the same with a template that has functions. It has
 * never seen JSON, and likes white space best, so most answers are sampled: they are shorter.
 */
@Timeout(120)
class ConstrainedAnswersTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String PLAIN = "plain";
  private static final String CALLING = "calling";
  private static final String QUESTION = "A fox asked the plum . The secret number of the amber "
      + "acorn is 7391 . What is the secret number of the amber acorn ?";
  private static final String SCHEMA = """
      {"type": "object", "properties": {"animal": {"enum": ["otter", "newt"]}, "known": {"type": "boolean"},
        "sizes": {"type": "array", "items": {"type": "integer", "minimum": -5, "maximum": 120}, "minItems": 1, "maxItems": 3}},
       "required": ["animal", "known", "sizes"], "additionalProperties": false}""";
  private static final String READING = format(SCHEMA);
  private static final String TOOLS = "\"tools\": [{\"type\": \"function\", \"function\": {"
      + "\"name\": \"read\", \"parameters\": " + SCHEMA + "}}, {\"type\": \"function\", "
      + "\"function\": {\"name\": \"sleep\"}}], \"tool_choice\": ";
  private static final String TWO_WORDS = format("{\"const\": \"amber acorn\"}");

  private static final List<AutoCloseable> OPEN = new ArrayList<>();
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static Engine engine;
  private static ParisKvServer server;

  @BeforeAll
  static void start() throws IOException {
    LanguageModel plain = model();
    engine = engine(plain);
    server = ParisKvServer.start(ServerSettings.local(),
        List.of(ServedModel.of(PLAIN, plain, engine), calling(model())), _ -> {
        });
    OPEN.addFirst(server);
    OPEN.addFirst(HTTP);
  }

  @AfterAll
  static void close() throws Exception {
    for (AutoCloseable open : OPEN) {
      open.close();
    }
  }

  private static LanguageModel model() {
    LanguageModel model = LanguageModel.load(TestServer.RECALL_MODEL,
        LoadOptions.defaults().withContext(4096));
    OPEN.addFirst(model);
    return model;
  }

  private static Engine engine(LanguageModel model) {
    Engine started = Engine.start(model, ParisKv.paper(),
        EngineOptions.defaults().withPlaces(3));
    OPEN.addFirst(started);
    return started;
  }

  private static ServedModel calling(LanguageModel model) throws IOException {
    MessageTemplate template = ToolsTest.template("qwen3");
    return new ServedModel(CALLING, engine(model), model.tokenizer(), template,
        ToolFormat.of(template), new AnswerForms(model.tokenizer(), model::constraints),
        Set.copyOf(model.config().eosTokenIds()), model.generationConfig(), 4096);
  }

  private static String format(String schema) {
    return "\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"n\", "
        + "\"schema\": " + schema + "}}";
  }

  private static HttpResponse<String> post(String model, String fields) throws Exception {
    String body = "{\"model\": \"" + model + "\", \"messages\": [{\"role\": \"user\", \"content\": "
        + "\"" + QUESTION + "\"}], \"temperature\": 5, " + fields + "}";
    return send(CHAT, body);
  }

  private static HttpResponse<String> send(String path, String body) throws Exception {
    return HTTP.send(HttpRequest.newBuilder(URI.create(server.url() + path))
        .header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(body)).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private static JsonNode whole(String model, String fields) throws Exception {
    HttpResponse<String> response = post(model, fields);
    assertEquals(200, response.statusCode(), response::body);
    return json(response.body());
  }

  private static JsonNode choice(String model, String fields) throws Exception {
    return whole(model, fields).at("/choices/0");
  }

  private static List<JsonNode> chunks(String model, String fields) throws Exception {
    return post(model, fields + ", \"stream\": true").body().lines()
        .filter(line -> line.startsWith("data: {"))
        .map(line -> json(line.substring(6)).at("/choices/0")).toList();
  }

  private static JsonNode json(String text) {
    return JsonMapper.shared().readTree(text);
  }

  private static String content(JsonNode choice) {
    return choice.at("/message/content").stringValue();
  }

  /** That a value is of {@link #SCHEMA}. */
  private static void assertReading(JsonNode value) {
    assertEquals(Set.of("animal", "known", "sizes"), Set.copyOf(value.propertyNames()));
    assertTrue(Set.of("otter", "newt").contains(value.path("animal").asString("")),
        value::toString);
    assertTrue(value.path("known").isBoolean(), value::toString);
    JsonNode sizes = value.path("sizes");
    assertTrue(sizes.isArray() && !sizes.isEmpty() && sizes.size() <= 3, value::toString);
    for (JsonNode size : sizes) {
      assertTrue(size.isIntegralNumber() && size.intValue() >= -5 && size.intValue() <= 120,
          value::toString);
    }
  }

  private static void assertCall(JsonNode function) {
    String name = function.path("name").stringValue();
    JsonNode arguments = json(function.path("arguments").stringValue());
    if (name.equals("read")) {
      assertReading(arguments);
    } else {
      assertEquals("sleep {}", name + " " + arguments);
    }
  }

  @Test
  void answerIsOfItsSchema_andItsTokensAreTold_alsoFromACache() throws Exception {
    int cached = 0;
    for (int i = 0; i < 2; i++) {
      JsonNode response = whole(PLAIN, READING + ", \"logprobs\": true, \"top_logprobs\": 1");
      JsonNode choice = response.at("/choices/0");
      assertEquals("stop", choice.path("finish_reason").stringValue());
      assertReading(json(content(choice)));
      StringBuilder tokens = new StringBuilder();
      for (JsonNode token : choice.at("/logprobs/content")) {
        tokens.append(token.path("token").stringValue());
        double likeliest = token.at("/top_logprobs/0/logprob").doubleValue();
        assertTrue(token.path("logprob").doubleValue() <= likeliest,
            "of all tokens, also those that may not be chosen");
      }
      assertEquals(content(choice), tokens.toString());
      cached = response.at("/usage/prompt_tokens_details/cached_tokens").intValue();
    }
    assertTrue(cached > 10, "the second began where the first had read");
  }

  @Test
  void streamedAnswerIsOfItsSchema() throws Exception {
    List<JsonNode> chunks = chunks(PLAIN, READING);
    StringBuilder text = new StringBuilder();
    chunks.forEach(chunk -> text.append(chunk.at("/delta/content").asString("")));
    assertReading(json(text.toString()));
    assertEquals("stop", chunks.getLast().path("finish_reason").stringValue());
  }

  @Test
  void anyObjectIsOne() throws Exception {
    JsonNode choice = choice(PLAIN, "\"response_format\": {\"type\": \"json_object\"}, "
        + "\"max_tokens\": 40, \"seed\": 3");
    assertTrue(content(choice).startsWith("{"), choice::toString);
    if (choice.path("finish_reason").stringValue().equals("stop")) {
      assertTrue(json(content(choice)).isObject(), choice::toString);
    }
  }

  @Test
  void requiredCallIsMade_wholeAndStreamed() throws Exception {
    String fields = TOOLS + "\"required\", \"parallel_tool_calls\": false";
    JsonNode choice = choice(CALLING, fields);
    assertEquals("tool_calls", choice.path("finish_reason").stringValue(), choice::toString);
    JsonNode calls = choice.at("/message/tool_calls");
    assertEquals(1, calls.size());
    assertCall(calls.at("/0/function"));
    List<JsonNode> streamed = chunks(CALLING,
        fields + ", \"chat_template_kwargs\": {\"enable_thinking\": false}").stream()
        .map(chunk -> chunk.at("/delta/tool_calls/0/function")).filter(JsonNode::isObject).toList();
    assertEquals(1, streamed.size());
    assertCall(streamed.getFirst());
  }

  @Test
  void namedFunctionIsCalled() throws Exception {
    JsonNode calls = choice(CALLING, TOOLS + "{\"type\": \"function\", \"function\": {\"name\": "
        + "\"read\"}}, \"seed\": 5").at("/message/tool_calls");
    assertTrue(!calls.isEmpty() && calls.size() <= ToolFormat.MOST_CALLS, calls::toString);
    for (JsonNode call : calls) {
      assertEquals("read", call.at("/function/name").stringValue());
      assertReading(json(call.at("/function/arguments").stringValue()));
    }
  }

  @Test
  void greedyAnswerIsOfItsForm() throws Exception {
    String prompt = "{\"model\": \"" + PLAIN + "\", \"input\": \"" + QUESTION + "\", "
        + "\"temperature\": 0, \"text\": {\"format\": {\"type\": \"json_schema\", \"name\": \"n\", "
        + "\"schema\": {\"type\": \"integer\", \"minimum\": 7000, \"maximum\": 7999}}}}";
    JsonNode response = json(send("/v1/responses", prompt).body());
    int number = Integer.parseInt(response.at("/output/0/content/0/text").stringValue().strip());
    assertTrue(7000 <= number && number <= 7999, response::toString);
  }

  @Test
  void cutAnswerSaysSo() throws Exception {
    JsonNode choice = choice(PLAIN, TWO_WORDS + ", \"max_tokens\": 2");
    assertEquals("length", choice.path("finish_reason").stringValue());
    assertTrue("\"amber acorn\"".startsWith(content(choice)), choice::toString);
    choice = choice(CALLING, TOOLS + "\"required\", \"max_tokens\": 12");
    assertEquals("length", choice.path("finish_reason").stringValue());
    assertTrue(choice.at("/message/tool_calls").isMissingNode(), choice::toString);
  }

  @Test
  void stopStringCutsAlsoInTheMiddleOfAValue() throws Exception {
    JsonNode choice = choice(PLAIN, TWO_WORDS + ", \"stop\": [\" aco\", \"plum\"]");
    assertEquals("\"amber", content(choice));
    assertEquals("stop", choice.path("finish_reason").stringValue());
  }

  @Test
  void formsAreKept_besideEachOtherAndFreeAnswers() throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<JsonNode>> readings = new ArrayList<>();
      List<Future<JsonNode>> others = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        String sampling = ", \"seed\": " + i;
        String model = i % 2 == 0 ? PLAIN : CALLING;
        readings.add(threads.submit(() -> choice(model, READING + sampling)));
        others.add(threads.submit(() -> choice(model, "\"max_tokens\": 20" + sampling)));
      }
      for (Future<JsonNode> reading : readings) {
        assertReading(json(content(reading.get())));
      }
      for (Future<JsonNode> other : others) {
        assertTrue(!content(other.get()).isEmpty());
      }
    }
  }

  @Test
  void schemaThatCannotBeKeptIsRefused_beforeThePromptIsRead() throws Exception {
    long before = engine.status().ended();
    HttpResponse<String> response = post(PLAIN, format("{\"type\": \"object\", \"properties\": "
        + "{\"a\": {\"type\": \"string\", \"pattern\": \"(a)\"}}}"));
    JsonNode error = json(response.body()).path("error");
    assertEquals(400, response.statusCode());
    assertEquals("response_format.json_schema.schema", error.path("param").stringValue());
    assertTrue(error.path("message").stringValue().contains("#/properties/a has \"pattern\""),
        error::toString);
    assertEquals(before, engine.status().ended());
  }

  @Test
  void clientOfLangChain4j_hasItsSchemaAndItsCall() {
    JsonObjectSchema schema = JsonObjectSchema.builder()
        .addProperty("animal", JsonEnumSchema.builder().enumValues("otter", "newt").build())
        .addProperty("known", JsonBooleanSchema.builder().description("or not").build())
        .required("animal", "known").additionalProperties(false).build();
    ChatRequest.Builder asked = ChatRequest.builder().messages(UserMessage.from(QUESTION));
    String text = client(PLAIN).chat(asked.responseFormat(ResponseFormat.builder()
        .type(ResponseFormatType.JSON)
        .jsonSchema(JsonSchema.builder().name("reading").rootElement(schema).build()).build())
        .build()).aiMessage().text();
    assertTrue(text.contains("\"animal\"") && json(text).path("known").isBoolean(), text);
    var answer = client(CALLING).chat(ChatRequest.builder().messages(UserMessage.from(QUESTION))
        .toolSpecifications(ToolSpecification.builder().name("read").parameters(schema).build())
        .toolChoice(ToolChoice.REQUIRED).build());
    ToolExecutionRequest call = answer.aiMessage().toolExecutionRequests().getFirst();
    assertEquals("read", call.name());
    assertTrue(json(call.arguments()).path("known").isBoolean(), call::toString);
    assertEquals(FinishReason.TOOL_EXECUTION, answer.finishReason());
  }

  private static OpenAiChatModel client(String model) {
    return OpenAiChatModel.builder().baseUrl(server.url() + "/v1").apiKey("any").modelName(model)
        .temperature(5.0).strictJsonSchema(true).strictTools(true).parallelToolCalls(false)
        .maxRetries(0).build();
  }
}
