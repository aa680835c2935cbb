package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.constrain.Constraint;
import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.TestServer;
import io.pariskv.server.testing.TestServer.Reply;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What an answer must be arrives at the engine, or is refused by its place. */
@Timeout(60)
class AnswerFormTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String RESPONSES = "/v1/responses";
  private static final String SCHEMA = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
      + "\"integer\"}},\"required\":[\"a\"],\"additionalProperties\":false}";
  private static final String FORMAT = format(SCHEMA);
  private static final String TOOLS = "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
      + "\"one\",\"parameters\":" + SCHEMA
      + "}},{\"type\":\"function\",\"function\":{\"name\":\"two\"}}]";
  private static final String ONE = call("one", "{\"a\": 1}");
  private static final String TWO = call("two", "{}");

  private TestServer server = new TestServer(FakeEngine.answering("x"));

  @AfterEach
  void close() {
    server.close();
  }

  /** From here on the model has this template. */
  private void template(String name) throws Exception {
    server.close();
    server = new TestServer(FakeEngine.answering("x"), ToolsTest.template(name));
  }

  private static String format(String schema) {
    return "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x-Y_1\","
        + "\"description\":\"d\",\"strict\":false,\"schema\":" + schema + "}}";
  }

  private static String call(String name, String arguments) {
    return "<tool_call>\n{\"name\": \"" + name + "\", \"arguments\": " + arguments
        + "}\n</tool_call>";
  }

  private Constraint constraint(String path, String body) throws Exception {
    return Objects.requireNonNull(asked(path, body));
  }

  private @Nullable Constraint asked(String path, String body) throws Exception {
    Reply reply = server.post(path, body);
    assertEquals(200, reply.status(), reply::body);
    return server.engine().next().request().options().constraint();
  }

  private void assertFree(String fields) throws Exception {
    assertNull(asked(CHAT, TestServer.chat(fields)));
  }

  private Constraint chat(String fields) throws Exception {
    return constraint(CHAT, TestServer.chat(fields));
  }

  private static void assertAllows(Constraint constraint, String... answers) {
    for (String answer : answers) {
      assertTrue(TestServer.allows(constraint, answer), answer);
    }
  }

  private static void assertForbids(Constraint constraint, String... answers) {
    for (String answer : answers) {
      assertFalse(TestServer.allows(constraint, answer), answer);
    }
  }

  @Test
  void formatOfAChat_isWhatTheEngineKeeps() throws Exception {
    Constraint schema = chat(FORMAT);
    assertAllows(schema, "{\"a\":1}", "{\"a\": -20}");
    assertForbids(schema, "", "x", "{}", "{\"a\":\"b\"}", "{\"a\":1} ok", "{\"a\":1");
    Constraint object = chat("\"response_format\":{\"type\":\"json_object\"}");
    assertAllows(object, "{}", "{\"b\": [1, \"c\"]}");
    assertForbids(object, "[]", "1", "x");
    assertFree("\"response_format\":{\"type\":\"text\"}");
    assertFree("\"response_format\":null");
  }

  @Test
  void formatOfAResponse_isWhatTheEngineKeeps_andRepeated() throws Exception {
    String format = "{\"type\":\"json_schema\",\"name\":\"n\",\"strict\":true,\"schema\":" + SCHEMA
        + "}";
    String body = "{\"input\":\"hi\",\"text\":{\"format\":" + format + "}}";
    assertForbids(constraint(RESPONSES, body), "x");
    assertEquals(format, server.post(RESPONSES, body).json().at("/text/format").toString());
    server.engine().next();
    assertForbids(
        constraint(RESPONSES,
            "{\"input\":\"hi\",\"text\":{\"format\":{\"type\":\"json_object\"}}}"),
        "[]");
  }

  @Test
  void form_thatClientsAskForAgain_isMadeOnce() throws Exception {
    assertSame(chat(FORMAT), chat(FORMAT + ",\"temperature\":1"));
    String ab = "{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}}}";
    String ba = "{\"type\":\"object\",\"properties\":{\"b\":{},\"a\":{}}}";
    assertNotSame(chat(format(ab)), chat(format(ba)), "its order is the answer's");
  }

  @Test
  void thought_thatThePromptHasBegun_comesFirst() throws Exception {
    server.close();
    server = new TestServer(FakeEngine.answering("x"),
        (messages, _, _) -> messages + "<think>\n");
    Constraint constraint = chat(FORMAT);
    assertAllows(constraint, "hm, {</think>\n\n{\"a\":1}");
    assertForbids(constraint, "{\"a\":1}", "hm</think>\n\nx");
  }

  @Test
  void requiredCall_isNothingElse() throws Exception {
    template("qwen3");
    Constraint required = chat(TOOLS + ",\"tool_choice\":\"required\"");
    assertAllows(required, ONE, TWO, ONE + "\n" + TWO + "\n" + ONE);
    assertForbids(required, "x", "I look.\n" + ONE, ONE + " done", call("one", "{}"),
        call("two", "{\"a\": 1}"), call("three", "{}"), (ONE + "\n").repeat(9) + ONE);
    Constraint single = chat(TOOLS + ",\"tool_choice\":\"required\",\"parallel_tool_calls\":false");
    assertAllows(single, ONE, TWO);
    assertForbids(single, ONE + "\n" + TWO);
  }

  @Test
  void namedFunction_isTheOneCalled() throws Exception {
    template("qwen25");
    Constraint named = chat(
        TOOLS + ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"two\"}}");
    assertAllows(named, TWO);
    assertForbids(named, ONE, "x");
    String tools = "\"tools\":[{\"type\":\"function\",\"name\":\"two\",\"strict\":true}]";
    Constraint flat = constraint(RESPONSES, "{\"input\":\"hi\"," + tools
        + ",\"tool_choice\":{\"type\":\"function\",\"name\":\"two\"}}");
    assertAllows(flat, TWO);
    assertForbids(flat, "x");
  }

  @Test
  void bareCall_isOne() throws Exception {
    template("llama31");
    Constraint required = chat(TOOLS + ",\"tool_choice\":\"required\"");
    String one = "{\"name\": \"one\", \"parameters\": {\"a\": 1}}";
    assertAllows(required, one, "{\"name\": \"two\", \"parameters\": {}}");
    assertForbids(required, one + one, one + "; " + one, "{}");
  }

  @Test
  void format_besideFunctions_leavesTheChoice() throws Exception {
    template("qwen3");
    Constraint either = chat(TOOLS + "," + FORMAT);
    assertAllows(either, "{\"a\": 1}", ONE, call("one", "{\"any\": true}"), ONE + "\n" + TWO);
    assertForbids(either, "x", "{}", "{\"a\": 1}" + ONE);
    Constraint none = chat(TOOLS + "," + FORMAT + ",\"tool_choice\":\"none\"");
    assertAllows(none, "{\"a\": 1}");
    assertForbids(none, ONE);
    assertFree(TOOLS); // text or calls, as the model likes
    assertForbids(chat(TOOLS.replace("\"name\":\"one\"", "\"name\":\"one\",\"strict\":true") + ","
        + FORMAT), call("one", "{\"any\": true}"));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
      "response_format.type | {}", "response_format.type | {\"type\":\"grammar\"}",
      "response_format.colour | {\"type\":\"text\",\"colour\":1}",
      "response_format.json_schema | {\"type\":\"json_schema\"}",
      "response_format.json_schema | {\"type\":\"json_schema\",\"json_schema\":5}",
      "response_format.json_schema | {\"type\":\"json_object\",\"json_schema\":{}}",
      "response_format.json_schema.name | {\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}",
      "response_format.json_schema.name | {\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a.b\",\"schema\":{}}}",
      "response_format.json_schema.schema | {\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\"}}",
      "response_format.json_schema.schema | {\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":[]}}",
      "response_format.json_schema.strict | {\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{},\"strict\":1}}",
      "response_format.json_schema.schema | {\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{\"type\":\"string\",\"pattern\":\"(a)\"}}}"})
  void format_thatCannotBeKept_isRefusedByItsPlace(String param, String format) throws Exception {
    assertRefused(CHAT, TestServer.chat("\"response_format\":" + format), param);
  }

  private void assertRefused(String path, String body, String param) throws Exception {
    Reply reply = server.post(path, body);
    assertEquals(400, reply.status(), reply::body);
    assertEquals(param, reply.error().path("param").asString(), reply::body);
  }

  @Test
  void schemaOfAFunction_thatCannotBeKept_isRefusedByItsPlace() throws Exception {
    template("qwen3");
    String bad = TOOLS.replace("\"integer\"", "\"string\",\"pattern\":\"(a)\"");
    assertRefused(CHAT, TestServer.chat(bad + ",\"tool_choice\":\"required\""),
        "tools[0].function.parameters");
    assertRefused(CHAT,
        TestServer.chat(bad + "," + format("{\"type\":\"string\",\"pattern\":\"(a)\"}")),
        "response_format.json_schema.schema");
    assertFree(bad); // nobody keeps to it
  }

  @Test
  void whatGoesOnAfterTheEnd_isRefusedBesideAForm() throws Exception {
    assertRefused(CHAT, TestServer.chat(FORMAT + ",\"ignore_eos\":true"), "ignore_eos");
  }
}
