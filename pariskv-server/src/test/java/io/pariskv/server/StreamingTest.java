package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.generate.FinishReason;
import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.RawClient;
import io.pariskv.server.testing.TestServer;
import java.io.EOFException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Bytes of a reply, and when they come. */
@Timeout(60)
class StreamingTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String BEAT = ": keep-alive\n\n";

  private static List<String> events(String body) {
    List<String> events = new ArrayList<>();
    for (String event : body.split("\n\n")) {
      if (!event.startsWith(":")) {
        assertTrue(event.startsWith("data: "), event);
        events.add(event.substring("data: ".length()));
      }
    }
    return events;
  }

  private static JsonNode json(String event) {
    return JsonMapper.shared().readTree(event);
  }

  @Test
  void chat_hasARoleThenTextThenAReasonThenTheNumbersThenDone() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("Hel", "", "lo \u4E16", "!"));
        RawClient client = server.connect()) {
      client.post(CHAT,
          TestServer.chat("\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
      RawClient.Head head = client.head();
      assertEquals("HTTP/1.1 200 OK", head.status());
      assertEquals("text/event-stream; charset=utf-8", head.headers().get("Content-Type"));
      List<String> events = events(client.chunks());
      assertEquals(7, events.size(), events::toString);
      JsonNode first = json(events.getFirst());
      assertTrue(first.path("id").asString().startsWith("chatcmpl-"));
      assertEquals("chat.completion.chunk", first.path("object").asString());
      assertEquals("fake", first.path("model").asString());
      assertEquals("{\"role\":\"assistant\",\"content\":\"\"}",
          first.at("/choices/0/delta").toString());
      List<String> texts = events.subList(1, 4).stream()
          .map(event -> json(event).at("/choices/0/delta/content").asString()).toList();
      assertEquals(List.of("Hel", "lo \u4E16", "!"), texts);
      assertEquals("stop", json(events.get(4)).at("/choices/0/finish_reason").asString());
      assertEquals("{}", json(events.get(4)).at("/choices/0/delta").toString());
      for (String event : events.subList(0, 5)) {
        assertTrue(json(event).has("usage") && json(event).get("usage").isNull(), event);
        assertEquals(first.path("id"), json(event).path("id"));
      }
      JsonNode last = json(events.get(5));
      assertEquals("[]", last.path("choices").toString());
      int prompt = last.at("/usage/prompt_tokens").asInt();
      assertEquals("{\"prompt_tokens\":" + prompt + ",\"completion_tokens\":4,\"total_tokens\":"
          + (prompt + 4) + ",\"prompt_tokens_details\":{\"cached_tokens\":3}}",
          last.path("usage").toString());
      assertEquals("[DONE]", events.get(6));
    }
  }

  @Test
  void chat_withoutUsage_hasNoPlaceForIt() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("a"));
        RawClient client = server.connect()) {
      client.post(CHAT, TestServer.chat("\"stream\":true")).head();
      List<String> events = events(client.chunks());
      assertEquals(4, events.size(), events::toString);
      assertTrue(events.stream().noneMatch(event -> event.contains("usage")), events::toString);
    }
  }

  @Test
  void roleAndHeartbeats_comeBeforeThePromptIsRead() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine); RawClient client = server.connect()) {
      client.post(CHAT, TestServer.chat("\"stream\":true"));
      assertEquals("HTTP/1.1 200 OK", client.head().status());
      assertTrue(client.chunk().contains("\"role\":\"assistant\""));
      assertEquals(BEAT, client.chunk());
      FakeEngine.Submission submission = engine.next().prefill(0);
      assertEquals(BEAT, client.chunk());
      submission.token("x").end(FinishReason.LENGTH);
      List<String> events = events(client.chunks());
      assertEquals("x", json(events.getFirst()).at("/choices/0/delta/content").asString());
      assertEquals("length", json(events.get(1)).at("/choices/0/finish_reason").asString());
    }
  }

  @Test
  void eachPiece_goesOutBeforeTheNextIsThere() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine); RawClient client = server.connect()) {
      client.post(CHAT, TestServer.chat("\"stream\":true")).head();
      client.chunk();
      FakeEngine.Submission submission = engine.next();
      for (String piece : List.of("one", "two", "three")) {
        submission.token(piece);
        String chunk = client.chunk();
        while (chunk.equals(BEAT)) {
          chunk = client.chunk();
        }
        assertTrue(chunk.contains("\"content\":\"" + piece + "\""), chunk);
      }
      submission.end(FinishReason.STOP);
      assertTrue(client.chunks().endsWith("data: [DONE]\n\n"));
    }
  }

  @Test
  void completions_streamTextCompletions() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("a", "b"));
        RawClient client = server.connect()) {
      client.post("/v1/completions", "{\"prompt\":\"x\",\"stream\":true}").head();
      List<String> events = events(client.chunks());
      assertEquals(4, events.size(), events::toString);
      assertEquals("text_completion", json(events.getFirst()).path("object").asString());
      assertEquals("a", json(events.getFirst()).at("/choices/0/text").asString());
      assertEquals("stop", json(events.get(2)).at("/choices/0/finish_reason").asString());
    }
  }

  @Test
  void wholeAnswer_thatIsSoon_hasALength_andTheConnectionServesTheNext() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("Hel", "lo"));
        RawClient client = server.connect()) {
      for (int i = 0; i < 2; i++) {
        client.post("/v1/completions", "{\"prompt\":\"x\"}");
        RawClient.Head head = client.head();
        String body = head.headers().containsKey("Content-Length")
            ? client.body(Integer.parseInt(head.headers().get("Content-Length")))
            : client.chunks();
        assertEquals("Hello", json(body).at("/choices/0/text").asString());
      }
    }
  }

  @Test
  void wholeAnswer_thatIsLongInComing_hasSpacesBefore() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine); RawClient client = server.connect()) {
      client.post(CHAT, TestServer.chat(""));
      assertEquals("application/json", client.head().headers().get("Content-Type"));
      assertEquals(" ", client.chunk());
      assertEquals(" ", client.chunk());
      engine.next().token("late").end(FinishReason.STOP);
      JsonNode answer = json(client.chunks());
      assertEquals("chat.completion", answer.path("object").asString());
      assertEquals("{\"role\":\"assistant\",\"content\":\"late\"}",
          answer.at("/choices/0/message").toString());
      assertEquals(1, answer.at("/usage/completion_tokens").asInt());
    }
  }

  @Test
  void failureInTheMiddle_isAnEventWithoutDone() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine); RawClient client = server.connect()) {
      client.post(CHAT, TestServer.chat("\"stream\":true")).head();
      engine.next().token("a").fail(new IllegalStateException("the secret cause"));
      List<String> events = events(client.chunks());
      assertEquals("internal_error", json(events.getLast()).at("/error/code").asString());
      assertFalse(events.toString().contains("secret"), events::toString);
    }
  }

  @Test
  void failureOfAnAnswerThatIsLongInComing_cutsTheConnection() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine); RawClient client = server.connect()) {
      client.post(CHAT, TestServer.chat("")).head();
      client.chunk();
      engine.next().fail(new IllegalStateException("out of order"));
      assertThrows(EOFException.class, client::chunks, "there is no last chunk");
    }
  }

  @Test
  void deadline_endsAnAnswerAsTooLong() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine); RawClient client = server.connect()) {
      client.post(CHAT, TestServer.chat("\"stream\":true")).head();
      engine.next().token("a").end(FinishReason.DEADLINE);
      String body = client.chunks();
      assertTrue(body.contains("\"finish_reason\":\"length\""), body);
      assertTrue(body.endsWith("data: [DONE]\n\n"), body);
    }
  }
}
