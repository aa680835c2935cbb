package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.generate.FinishReason;
import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.RawClient;
import io.pariskv.server.testing.TestServer;
import io.pariskv.server.testing.TestServer.Reply;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.node.ObjectNode;

/** All that is not an answer of a model. */
@Timeout(60)
class EndpointsTest {
  private static final String CHAT = "/v1/chat/completions";

  @Test
  void models_tellTheirWindow() throws Exception {
    try (TestServer server = new TestServer(new FakeEngine())) {
      Reply list = server.get("/v1/models");
      assertEquals("list", list.json().path("object").asString());
      Reply one = server.get("/v1/models/fake");
      assertEquals(list.json().at("/data/0"), one.json());
      assertEquals(TestServer.CONTEXT, one.json().path("max_model_len").asInt());
      assertEquals(TestServer.CONTEXT, one.json().path("context_length").asInt());
    }
  }

  @Test
  void healthAndVersion_areOpen_andHaveHeads() throws Exception {
    ServerSettings settings = ServerSettings.local().withVersion("1.2.3");
    try (TestServer server = new TestServer(new FakeEngine(), settings)) {
      assertEquals("{\"status\":\"ok\"}", server.get("/health").body());
      assertEquals("{\"status\":\"ok\"}", server.get("/health/ready").body());
      assertEquals("{\"version\":\"1.2.3\"}", server.get("/version").body());
      Reply head = server.reply(
          server.request("/health").method("HEAD", HttpRequest.BodyPublishers.noBody()));
      assertEquals(200, head.status());
      assertEquals("", head.body());
    }
  }

  @Test
  void tokens_goThereAndBack() throws Exception {
    try (TestServer server = new TestServer(new FakeEngine())) {
      Reply there = server.post("/tokenize",
          "{\"model\":\"fake\",\"prompt\":\"two w\u00F6rds\",\"return_token_strs\":true}");
      assertEquals(200, there.status(), there::body);
      int count = there.json().path("count").asInt();
      assertEquals(count, there.json().path("tokens").size());
      assertEquals(count, there.json().path("token_strs").size());
      assertEquals(TestServer.CONTEXT, there.json().path("max_model_len").asInt());
      Reply back = server.post("/detokenize", "{\"tokens\":" + there.json().path("tokens") + "}");
      assertEquals("two w\u00F6rds", back.json().path("prompt").asString());
      Reply chat = server.post("/tokenize", TestServer.chat("\"add_generation_prompt\":false"));
      Reply text = server.post("/detokenize", "{\"tokens\":" + chat.json().path("tokens") + "}");
      assertEquals("<|im_start|>user\n hi<|im_end|>\n", text.json().path("prompt").asString());
      for (String wrong : List.of("{}", "{\"tokens\":[-1]}", "{\"tokens\":[9999999]}",
          "{\"tokens\":\"a\"}", "{\"tokens\":[],\"x\":1}")) {
        assertEquals(400, server.post("/detokenize", wrong).status(), wrong);
      }
      assertEquals(400, server.post("/tokenize", "{\"prompt\":5}").status());
    }
  }

  @Test
  void log_hasOneLineARequest_withoutWhatWasSaid() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("the answer"))) {
      server.post(CHAT, "{\"messages\":[{\"role\":\"user\",\"content\":\"the prompt\"}]}");
      ObjectNode entry = server.logged();
      assertEquals("/v1/chat/completions", entry.path("route").asString());
      assertEquals(200, entry.path("status").asInt());
      assertEquals("stop", entry.path("finish_reason").asString());
      assertEquals(FakeEngine.CACHED, entry.path("cached_tokens").asInt());
      assertEquals(1, entry.path("completion_tokens").asInt());
      for (String field : List.of("time", "id", "total_ms", "queue_ms", "first_token_ms",
          "prompt_tokens")) {
        assertTrue(entry.has(field), entry::toString);
      }
      server.post(CHAT, "{\"messages\":\"the prompt\"}");
      ObjectNode refusal = server.logged();
      assertEquals("messages", refusal.path("param").asString(), refusal::toString);
      for (ObjectNode each : List.of(entry, refusal)) {
        assertFalse(each.toString().contains("the "), each::toString);
      }
    }
  }

  @Test
  void log_hasPromptsAndAnswers_whereAsked() throws Exception {
    try (TestServer server = new TestServer(FakeEngine.answering("the answer"),
        ServerSettings.local().withLogPrompts(true))) {
      server.post("/v1/completions", "{\"prompt\":\"the prompt\"}");
      ObjectNode entry = server.logged();
      assertEquals("the prompt", entry.path("prompt").asString());
      assertEquals("the answer", entry.path("answer").asString());
    }
  }

  @Test
  void metrics_haveTheNamesOfVllm() throws Exception {
    FakeEngine engine = FakeEngine.answering("a", "b", "c");
    try (TestServer server = new TestServer(engine)) {
      server.post(CHAT, TestServer.chat(""));
      server.get("/v3");
      server.logged(); // a request is counted, then logged, after its client has the reply
      server.logged();
      Reply reply = server.get("/metrics");
      assertTrue(reply.response().headers().firstValue("Content-Type").get()
          .startsWith("text/plain; version=0.0.4"));
      String text = reply.body();
      for (String line : List.of(
          "# TYPE pariskv:num_requests_running gauge",
          "pariskv:num_requests_running{model_name=\"fake\"} 5",
          "pariskv:num_requests_waiting{model_name=\"fake\"} 1",
          "pariskv:kv_cache_usage_perc{model_name=\"fake\"} 0.5",
          "pariskv:kept_prefix_tokens{model_name=\"fake\"} 11",
          "pariskv:kv_cache_bytes{model_name=\"fake\",memory=\"gpu\"} 12",
          "pariskv:kv_cache_bytes{model_name=\"fake\",memory=\"host\"} 13",
          "pariskv:prompt_tokens_total{model_name=\"fake\"} 60",
          "pariskv:generation_tokens_total{model_name=\"fake\"} 80",
          "pariskv:prefix_cache_hits_total{model_name=\"fake\"} 7",
          "pariskv:request_success_total{model_name=\"fake\",finished_reason=\"stop\"} 1",
          "pariskv:request_success_total{model_name=\"fake\",finished_reason=\"abort\"} 0",
          "# TYPE pariskv:time_to_first_token_seconds histogram",
          "pariskv:time_to_first_token_seconds_count{model_name=\"fake\"} 1",
          "pariskv:time_to_first_token_seconds_bucket{model_name=\"fake\",le=\"+Inf\"} 1",
          "pariskv:inter_token_latency_seconds_count{model_name=\"fake\"} 2",
          "pariskv:request_generation_tokens_sum{model_name=\"fake\"} 3",
          "pariskv:attended_tokens_total{model_name=\"fake\"} 200",
          "pariskv:http_requests_total{route=\"/v1/chat/completions\",status=\"200\"} 1",
          "pariskv:http_requests_total{route=\"other\",status=\"404\"} 1")) {
        assertTrue(text.contains(line + "\n"), () -> line + " is not in\n" + text);
      }
      for (String line : text.lines().toList()) {
        assertTrue(line.matches("# (HELP|TYPE) pariskv:[a-z0-9_]+ .+"
            + "|pariskv:[a-z0-9_]+\\{[a-z_]+=\"[^\"]*\"(,[a-z_]+=\"[^\"]*\")*} [-+0-9.eE]+"), line);
      }
      List<String> help = text.lines().filter(line -> line.startsWith("# HELP")).toList();
      assertEquals(help.size(), help.stream().distinct().count(), "each metric stands once");
    }
  }

  @Test
  void drain_refusesWhatIsNew_andLetsWhatRunsEnd() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine); RawClient running = server.connect()) {
      running.post(CHAT, TestServer.chat("\"stream\":true")).head();
      FakeEngine.Submission submission = engine.next().token("a");
      engine.holdDrains();
      CompletableFuture<Boolean> drained = CompletableFuture
          .supplyAsync(() -> server.server().drain(Duration.ofSeconds(30)));
      engine.awaitDrain();
      Reply refused = server.post(CHAT, TestServer.chat(""));
      assertEquals(503, refused.status());
      assertEquals("shutting_down", refused.error().path("code").asString());
      assertEquals(503, server.get("/health/ready").status());
      assertEquals(200, server.get("/health").status());
      assertEquals(200, server.get("/metrics").status());
      submission.token("b").end(FinishReason.STOP);
      assertTrue(running.chunks().endsWith("data: [DONE]\n\n"));
      engine.releaseDrains();
      assertTrue(drained.get());
    }
  }

  @Test
  void drain_whoseTimeIsOver_cutsAnswersWithAnError() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine); RawClient running = server.connect()) {
      running.post(CHAT, TestServer.chat("\"stream\":true")).head();
      engine.next().token("a");
      assertFalse(server.server().drain(Duration.ofMillis(1)));
      String body = running.chunks();
      assertTrue(body.contains("\"code\":\"shutting_down\""), body);
      assertFalse(body.contains("[DONE]"), body);
    }
  }

  @Test
  void severalModels_areToldApartByTheirNames() throws Exception {
    try (TestServer server = new TestServer(ServerSettings.local(), Map.of("a/b",
        FakeEngine.answering("first"), "c", FakeEngine.answering("second")))) {
      assertEquals("a/b", server.get("/v1/models/a/b").json().path("id").asString());
      assertEquals(2, server.get("/v1/models").json().path("data").size());
      Reply answer = server.post("/v1/completions", "{\"model\":\"c\",\"prompt\":\"x\"}");
      assertEquals("second", answer.json().at("/choices/0/text").asString());
      Reply nameless = server.post("/v1/completions", "{\"prompt\":\"x\"}");
      assertEquals(400, nameless.status());
      assertEquals("model", nameless.error().path("param").asString());
    }
  }
}
