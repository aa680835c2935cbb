package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.engine.ContextAttention;
import io.pariskv.engine.ContextAttention.State;
import io.pariskv.generate.FinishReason;
import io.pariskv.kv.TokenZones;
import io.pariskv.method.SelectedPlaces;
import io.pariskv.retrieve.ContextBins;
import io.pariskv.server.http.ApiKeys;
import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.RawClient;
import io.pariskv.server.testing.TestServer;
import io.pariskv.server.testing.TestServer.Reply;
import java.net.http.HttpRequest;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

/** The page, the server's status, and what a request attends. */
@Timeout(60)
class LiveTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String STREAM = TestServer.chat("\"stream\":true");
  private static final ApiKeys TWO_KEYS = ApiKeys.of(List.of("the-first-key", "the-second-key"));

  /** A look at an answer of a prompt of 40 tokens. */
  static ContextAttention attention(State state, int steps) {
    long[] sums = new long[ContextBins.BINS];
    int[] step = new int[ContextBins.BINS];
    sums[1] = 7;
    step[2] = 3;
    return new ContextAttention(state, 40, new TokenZones(4, 30, 45),
        new SelectedPlaces(10, steps, sums, List.of(step)));
  }

  private static String path(String id) {
    return "/v1/requests/" + id + "/attention";
  }

  /** Of the first chunk of an answer. */
  private static String id(RawClient client) throws Exception {
    client.head();
    String chunk = client.chunk();
    Matcher matcher = Pattern.compile("\"id\":\"([^\"]+)\"").matcher(chunk);
    assertTrue(matcher.find(), chunk);
    return matcher.group(1);
  }

  @Test
  void page_needsNothingFromElsewhere_andNoKey() throws Exception {
    try (TestServer server = new TestServer(new FakeEngine(),
        ServerSettings.local().withKeys(TWO_KEYS))) {
      Reply page = server.get("/");
      assertEquals(200, page.status());
      Matcher files = Pattern.compile("(?:src|href)=\"([^\"]+)\"").matcher(page.body());
      int count = 0;
      for (; files.find(); count++) {
        assertEquals(200, server.get("/" + files.group(1)).status(), files.group(1));
      }
      assertTrue(count >= 3, page::body);
      for (String path : List.of("/", "/page/page.js", "/page/page.css", "/page/icon.svg")) {
        Reply reply = server.get(path);
        String policy = reply.response().headers().firstValue("Content-Security-Policy").get();
        assertTrue(policy.startsWith("default-src 'none'; script-src 'self'; style-src 'self';"));
        assertTrue(!policy.contains("unsafe") && !policy.contains("*"), policy);
        assertEquals("nosniff",
            reply.response().headers().firstValue("X-Content-Type-Options").get());
      }
      assertTrue(server.get("/page/page.js").response().headers().firstValue("Content-Type").get()
          .startsWith("text/javascript"));
      for (String wrong : List.of("/page/", "/page/none.js", "/page/../page.js", "/page/%2e%2e/x",
          "/page/page.html")) {
        assertEquals(404, server.get(wrong).status(), wrong);
      }
      Reply head = server
          .reply(server.request("/").method("HEAD", HttpRequest.BodyPublishers.noBody()));
      assertEquals(200, head.status());
      assertEquals(401, server.get("/status").status());
    }
  }

  @Test
  void status_tellsOfModelsAndTheirEngines() throws Exception {
    try (TestServer server = new TestServer(new FakeEngine())) {
      JsonNode model = server.get("/status").json().at("/models/0");
      assertEquals("fake", model.path("id").asString());
      assertEquals(TestServer.CONTEXT, model.path("context_length").asInt());
      assertTrue(model.path("memory_plan").isNull());
      assertEquals(5, model.at("/now/running").asInt());
      assertEquals(1, model.at("/now/waiting").asInt());
      assertEquals(80, model.at("/now/generated_tokens").asInt());
      assertEquals(11, model.at("/now/kept_tokens").asInt());
      assertEquals(12, model.at("/now/kv_gpu_bytes").asInt());
      assertEquals(13, model.at("/now/kv_host_bytes").asInt());
    }
  }

  @Test
  void attention_isToldWhileARequestRuns_andAWhileAfterIt() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine); RawClient client = server.connect()) {
      String id = id(client.post(CHAT, STREAM));
      FakeEngine.Submission submission = engine.next().attends(attention(State.DECODE, 5));
      JsonNode now = server.get(path(id)).json();
      assertEquals("{\"id\":\"" + id + "\",\"object\":\"attention\",\"model\":\"fake\","
          + "\"method\":null,\"state\":\"decode\",\"prompt_tokens\":40,\"context_tokens\":45,"
          + "\"zones\":{\"sink\":[0,4],\"retrieval\":[4,30],\"recent\":[30,45]},\"selected\":{"
          + "\"bin_tokens\":10,\"steps\":5,\"total\":[0,7,0,0,0],\"latest\":[[0,0,3,0,0]]}}",
          now.toString());
      String exchange = id.substring(id.indexOf('-') + 1);
      assertEquals(200, server.get(path(exchange)).status());
      assertEquals(404, server.get(path("chatcmpl-0")).status());
      assertEquals(404, server.get("/v1/requests/" + id).status());
      assertEquals(404, server.get("/v1/requests//attention").status());
      submission.attends(attention(State.ENDED, 6)).token("a").end(FinishReason.STOP);
      client.chunks();
      server.logged();
      JsonNode last = server.get(path(id)).json();
      assertEquals("ended", last.path("state").asString());
      assertEquals(6, last.at("/selected/steps").asInt());
    }
  }

  @Test
  void attention_isToldToTheKeyThatAsked_andToNobodyElse() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (
        TestServer server = new TestServer(engine,
            ServerSettings.local().withLimits(TestServer.LIMITS).withKeys(TWO_KEYS));
        RawClient client = server.connect()) {
      client.send("POST " + CHAT + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
          + "\r\nAuthorization: Bearer the-first-key\r\nContent-Length: " + STREAM.length()
          + "\r\n\r\n" + STREAM);
      String id = id(client);
      FakeEngine.Submission submission = engine.next().attends(attention(State.DECODE, 5));
      for (int time = 0; time < 2; time++) {
        assertEquals(200,
            server.get(path(id), "Authorization", "Bearer the-first-key").status());
        Reply other = server.get(path(id), "Authorization", "Bearer the-second-key");
        assertEquals(404, other.status());
        Reply unknown = server.get(path("chatcmpl-0"), "Authorization", "Bearer the-second-key");
        assertEquals(unknown.body().replace("chatcmpl-0", id), other.body());
        assertEquals(401, server.get(path(id)).status());
        if (time == 0) {
          submission.end(FinishReason.STOP);
          client.chunks();
        }
      }
    }
  }

  @Test
  void engineThatDoesNotTell_hasNoRequestsToLookAt() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine); RawClient client = server.connect()) {
      String id = id(client.post(CHAT, STREAM));
      engine.next();
      assertEquals("request_not_found",
          server.get(path(id)).error().path("code").asString());
    }
  }
}
