package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.generate.FinishReason;
import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.TestServer;
import io.pariskv.server.testing.TestServer.Reply;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** How probable tokens were reaches the client: of each token once, whole and streamed. */
@Timeout(60)
class LogprobsTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String COMPLETIONS = "/v1/completions";
  private static final String RESPONSES = "/v1/responses";
  /** Of several bytes to a character, each a token of its own. */
  private static final String TEXT = "The caf\u00E9 of \u4E16\uD83D\uDE00 .";
  private static final String INCLUDE = "\"include\":[\"message.output_text.logprobs\"],\"top_logprobs\":2";

  private static JsonNode post(String path, String body) throws Exception {
    return post(TEXT, path, body);
  }

  private static JsonNode post(String text, String path, String body) throws Exception {
    try (TestServer server = new TestServer(TestServer.saying(text))) {
      Reply reply = server.post(path, body);
      assertEquals(200, reply.status(), reply::body);
      return reply.json();
    }
  }

  private static List<JsonNode> events(String text, String path, String body) throws Exception {
    try (TestServer server = new TestServer(TestServer.saying(text))) {
      return server.post(path, body).body().lines().filter(line -> line.startsWith("data: {"))
          .map(line -> JsonMapper.shared().readTree(line.substring(6))).toList();
    }
  }

  /** Each token of the text and no other, with as many alternatives. */
  private static void assertTokens(List<JsonNode> entries, String text, int alternatives)
      throws IOException {
    int[] tokens = TestServer.encode(text);
    assertEquals(tokens.length, entries.size(), entries::toString);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < tokens.length; i++) {
      JsonNode entry = entries.get(i);
      assertEquals(FakeEngine.logprob(tokens[i]), entry.path("logprob").doubleValue());
      byte[] own = bytes(entry);
      assertEquals(new String(own, StandardCharsets.UTF_8), entry.path("token").stringValue());
      bytes.write(own);
      assertEquals(alternatives, entry.path("top_logprobs").size());
      if (alternatives > 0) {
        JsonNode first = entry.at("/top_logprobs/0");
        assertEquals(-9999, first.path("logprob").doubleValue(), "minus infinity");
        assertEquals(1, first.path("bytes").size());
        assertTrue(first.path("token").isString());
      }
    }
    assertEquals(text, bytes.toString(StandardCharsets.UTF_8));
  }

  private static byte[] bytes(JsonNode entry) {
    byte[] bytes = new byte[entry.path("bytes").size()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) entry.path("bytes").get(i).intValue();
    }
    return bytes;
  }

  private static List<JsonNode> list(JsonNode array) {
    return new ArrayList<>(array.values());
  }

  @Test
  void chat_hasEveryTokenButTheEnd() throws Exception {
    JsonNode choice = post(CHAT, TestServer.chat("\"logprobs\":true,\"top_logprobs\":3"))
        .at("/choices/0");
    assertEquals(TEXT, choice.at("/message/content").stringValue());
    assertTokens(list(choice.at("/logprobs/content")), TEXT, 3);
    assertTrue(choice.at("/logprobs/refusal").isNull());
    choice = post(CHAT, TestServer.chat("\"logprobs\":true")).at("/choices/0");
    assertTokens(list(choice.at("/logprobs/content")), TEXT, 0);
    choice = post(CHAT, TestServer.chat("\"logprobs\":false,\"top_logprobs\":0"))
        .at("/choices/0");
    assertTrue(choice.path("logprobs").isNull());
  }

  @Test
  void streamedChat_hasEveryTokenOnce_withTheTextItMakes() throws Exception {
    List<JsonNode> entries = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    for (JsonNode chunk : events(TEXT, CHAT,
        TestServer.chat("\"stream\":true,\"logprobs\":true,\"top_logprobs\":1"))) {
      JsonNode choice = chunk.at("/choices/0");
      String piece = choice.at("/delta/content").asString("");
      text.append(piece);
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      for (JsonNode entry : list(choice.at("/logprobs/content"))) {
        entries.add(entry);
        bytes.write(bytes(entry));
      }
      assertEquals(piece, bytes.toString(StandardCharsets.UTF_8), chunk::toString);
    }
    assertEquals(TEXT, text.toString());
    assertTokens(entries, TEXT, 1);
  }

  @Test
  void tokensWhoseTextIsHeldBack_areNotLost() throws Exception {
    FakeEngine engine = FakeEngine.answering("a", "", "b", "");
    try (TestServer server = new TestServer(engine)) {
      String body = server.post(CHAT, TestServer.chat("\"stream\":true,\"logprobs\":true")).body();
      List<Integer> entries = body.lines().filter(line -> line.startsWith("data: {"))
          .map(line -> JsonMapper.shared().readTree(line.substring(6))
              .at("/choices/0/logprobs/content").size())
          .toList();
      assertEquals(List.of(0, 1, 2, 1), entries, body);
    }
  }

  @Test
  void thoughtsAndCalls_areListedToo() throws Exception {
    String text = "<think>hm</think>\n\nSo<tool_call>{\"name\":\"f\"}</tool_call>";
    String body = TestServer.chat("\"logprobs\":true,\"tools\":[{\"type\":\"function\","
        + "\"function\":{\"name\":\"f\"}}]");
    try (TestServer server = new TestServer(TestServer.saying(text), ToolsTest.template("qwen3"))) {
      JsonNode choice = server.post(CHAT, body).json().at("/choices/0");
      assertEquals("hm", choice.at("/message/reasoning_content").stringValue());
      assertEquals("tool_calls", choice.path("finish_reason").stringValue());
      assertTokens(list(choice.at("/logprobs/content")), text, 0);
    }
  }

  @Test
  void endOfTurn_isListedWhereItEndsNothing() throws Exception {
    int end = TestServer.encode("<|im_end|>")[0];
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine)) {
      Thread.ofVirtual().start(() -> {
        try {
          engine.next().token(end, "").token(65, "x").end(FinishReason.LENGTH);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      });
      JsonNode content = server.post(CHAT,
          TestServer.chat("\"logprobs\":true,\"ignore_eos\":true")).json()
          .at("/choices/0/logprobs/content");
      assertEquals("<|im_end|>", content.at("/0/token").stringValue());
      assertTrue(content.at("/0/bytes").isNull());
      assertEquals(2, content.size());
    }
  }

  @Test
  void completion_hasListsSideBySide() throws Exception {
    JsonNode logprobs = post(COMPLETIONS, "{\"prompt\":\"x\",\"logprobs\":2}")
        .at("/choices/0/logprobs");
    int[] tokens = TestServer.encode(TEXT);
    for (String name : List.of("tokens", "token_logprobs", "top_logprobs", "text_offset")) {
      assertEquals(tokens.length, logprobs.path(name).size(), name);
    }
    String first = TestServer.decode(new int[]{tokens[0]});
    assertEquals(first, logprobs.at("/tokens/0").stringValue());
    assertTrue(logprobs.toString().contains("\"bytes:\\\\xe4\",\"bytes:\\\\xb8\""),
        logprobs::toString);
    JsonNode top = logprobs.at("/top_logprobs/0");
    assertEquals(3, top.size(), "the chosen one, and two others");
    assertEquals(FakeEngine.logprob(tokens[0]), top.path(first).doubleValue());
    assertEquals(logprobs.at("/token_logprobs/0").doubleValue(), top.path(first).doubleValue());
    int[] characters = TEXT.codePoints().toArray();
    for (int i = 0; i < tokens.length; i++) {
      String token = logprobs.path("tokens").get(i).stringValue();
      int offset = logprobs.path("text_offset").get(i).intValue();
      if (!token.startsWith("bytes:")) {
        assertTrue(new String(characters, offset, characters.length - offset).startsWith(token),
            token + " at " + offset);
      }
    }
    String last = logprobs.path("tokens").get(tokens.length - 1).stringValue();
    assertEquals(characters.length,
        logprobs.path("text_offset").get(tokens.length - 1).intValue() + last.length());
  }

  @Test
  void streamedCompletion_hasTheSameLists() throws Exception {
    JsonNode whole = post(COMPLETIONS, "{\"prompt\":\"x\",\"logprobs\":0}")
        .at("/choices/0/logprobs");
    for (String name : List.of("tokens", "token_logprobs", "top_logprobs", "text_offset")) {
      List<JsonNode> streamed = new ArrayList<>();
      for (JsonNode chunk : events(TEXT, COMPLETIONS,
          "{\"prompt\":\"x\",\"logprobs\":0,\"stream\":true}")) {
        streamed.addAll(list(chunk.at("/choices/0/logprobs/" + name)));
      }
      assertEquals(list(whole.path(name)), streamed);
    }
  }

  @Test
  void response_hasThoseOfItsText() throws Exception {
    String body = "{\"input\":\"x\"," + INCLUDE + "}";
    JsonNode response = post("<think>hm</think>" + TEXT, RESPONSES, body);
    assertEquals(2, response.path("top_logprobs").intValue());
    List<JsonNode> entries = list(response.at("/output/1/content/0/logprobs"));
    int tags = TestServer.encode("</think>").length;
    assertTokens(entries.subList(entries.size() - TestServer.encode(TEXT).length, entries.size()),
        TEXT, 2);
    assertTrue(entries.size() <= TestServer.encode(TEXT).length + tags, entries::toString);
    assertTokens(list(post(RESPONSES, body).at("/output/0/content/0/logprobs")), TEXT, 2);
    assertEquals(0, post(RESPONSES, "{\"input\":\"x\"}").at("/output/0/content/0/logprobs").size());
  }

  @Test
  void streamedResponse_hasThemInItsPieces_andInTheEnd() throws Exception {
    List<JsonNode> events = events(TEXT, RESPONSES,
        "{\"input\":\"x\",\"stream\":true," + INCLUDE + "}");
    List<JsonNode> pieces = new ArrayList<>();
    for (JsonNode event : events) {
      switch (event.path("type").stringValue()) {
        case "response.output_text.delta" -> pieces.addAll(list(event.path("logprobs")));
        case "response.output_text.done" -> assertTokens(list(event.path("logprobs")), TEXT, 2);
        case "response.content_part.done" ->
          assertTokens(list(event.at("/part/logprobs")), TEXT, 2);
        default -> {
        }
      }
    }
    assertTokens(pieces, TEXT, 2);
  }

  @Test
  void fieldsThatDoNotGoTogether_areRefused() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("x"))) {
      for (String body : List.of("\"top_logprobs\":1", "\"top_logprobs\":1,\"include\":[]")) {
        Reply reply = server.post(RESPONSES, "{\"input\":\"x\"," + body + "}");
        assertEquals("top_logprobs", reply.error().path("param").asString(""), reply::body);
      }
      Reply reply = server.post(RESPONSES,
          "{\"input\":\"x\",\"include\":[\"message.output_text.logprobs\",\"file_search_call.results\"]}");
      assertEquals("include", reply.error().path("param").asString(""), reply::body);
    }
  }
}
