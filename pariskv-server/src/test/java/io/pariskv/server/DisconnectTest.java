package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.server.http.HttpLimits;
import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.RawClient;
import io.pariskv.server.testing.TestServer;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.node.ObjectNode;

/** A client that has gone, or does not read, frees what it had. */
@Timeout(60)
class DisconnectTest {
  private static final String CHAT = "/v1/chat/completions";

  @Test
  void clientThatGoesDuringPrefill_cancelsAStream() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine)) {
      FakeEngine.Submission submission;
      try (RawClient client = server.connect()) {
        client.post(CHAT, TestServer.chat("\"stream\":true")).head();
        submission = engine.next().prefill(0);
      }
      submission.awaitCancelled();
      ObjectNode entry = server.logged();
      assertTrue(entry.path("client_gone").asBoolean(), entry::toString);
      assertEquals("abort", entry.path("finish_reason").asString());
      assertEquals(1, engine.ended());
    }
  }

  @Test
  void clientThatGoesAmongTheTokens_cancelsAStream() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine)) {
      FakeEngine.Submission submission;
      try (RawClient client = server.connect()) {
        client.post(CHAT, TestServer.chat("\"stream\":true")).head();
        submission = engine.next().token("a").token("b");
        client.chunk();
      }
      submission.awaitCancelled();
    }
  }

  @Test
  void clientThatGoes_cancelsAWholeAnswer() throws Exception {
    FakeEngine engine = new FakeEngine();
    try (TestServer server = new TestServer(engine)) {
      FakeEngine.Submission submission;
      try (RawClient client = server.connect()) {
        client.post(CHAT, TestServer.chat(""));
        submission = engine.next().prefill(0);
      }
      submission.awaitCancelled();
    }
  }

  @Test
  void clientThatDoesNotRead_isCutOff_andTheEngineNeverWaitsForIt() throws Exception {
    FakeEngine engine = new FakeEngine();
    HttpLimits limits = new HttpLimits(1 << 20, Duration.ofMillis(200), Duration.ofMillis(20));
    try (TestServer server = new TestServer(engine,
        ServerSettings.local().withLimits(limits)); RawClient client = server.connect()) {
      client.post(CHAT, TestServer.chat("\"stream\":true")).head();
      FakeEngine.Submission submission = engine.next();
      String piece = "x".repeat(1 << 20);
      for (int i = 0; i < 32; i++) { // more than the buffers between take
        submission.token(piece);
      }
      submission.awaitCancelled();
    }
  }

  @Test
  void clientThatSendsHalfABody_isCutOff() throws Exception {
    HttpLimits limits = new HttpLimits(1 << 20, Duration.ofMillis(200), Duration.ofMillis(20));
    try (TestServer server = new TestServer(new FakeEngine(),
        ServerSettings.local().withLimits(limits)); RawClient client = server.connect()) {
      client.send(
          "POST " + CHAT + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
              + "Content-Length: 100\r\n\r\n{\"model\":");
      assertTrue(client.closed());
      assertTrue(server.logged().path("client_gone").asBoolean());
    }
  }

  @Test
  void closingTheServer_cancelsWhatRuns() throws Exception {
    FakeEngine engine = new FakeEngine();
    TestServer server = new TestServer(engine);
    try (RawClient client = server.connect()) {
      client.post(CHAT, TestServer.chat("\"stream\":true")).head();
      FakeEngine.Submission submission = engine.next();
      server.close();
      submission.awaitCancelled();
    }
  }
}
