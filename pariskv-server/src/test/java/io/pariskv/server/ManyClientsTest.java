package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.RawClient;
import io.pariskv.server.testing.TestServer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.node.ObjectNode;

/** Two hundred at once: readers, some that go, some that read slowly, some that send nonsense. */
@Timeout(120)
class ManyClientsTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final int CLIENTS = 200;
  private static final int TOKENS = 300;

  @Test
  void everyAcceptedRequest_endsOnce_andNothingIsLeft() throws Exception {
    FakeEngine engine = FakeEngine.steady(TOKENS);
    SplittableRandom random = new SplittableRandom(Long.getLong("pariskv.seed", 5));
    try (TestServer server = new TestServer(engine);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Boolean>> clients = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        int kind = i % 5;
        int chunks = random.nextInt(20);
        clients.add(threads.submit(() -> client(server, kind, chunks)));
      }
      int whole = 0;
      for (Future<Boolean> client : clients) {
        whole += client.get() ? 1 : 0;
      }
      assertEquals(2 * CLIENTS / 5, whole, "those that read to the end have all of it");
      int refused = 0;
      int answered = 0;
      for (int i = 0; i < CLIENTS; i++) {
        ObjectNode entry = server.logged();
        refused += entry.path("status").asInt() == 400 ? 1 : 0;
        answered += entry.has("finish_reason") ? 1 : 0;
      }
      assertEquals(CLIENTS / 5, refused);
      assertEquals(engine.submitted(), answered);
      assertEquals(engine.submitted(), engine.ended());
      assertTrue(server.server().drain(Duration.ZERO), "no request runs");
    }
  }

  /** Whether it got a whole answer. */
  private static boolean client(TestServer server, int kind, int chunks) throws IOException {
    try (RawClient client = server.connect()) {
      switch (kind) {
        case 0, 1 -> {
          client.post(CHAT, TestServer.chat("\"stream\":true")).head();
          String body = client.chunks();
          assertEquals(TOKENS, body.split("token ", -1).length - 1);
          return body.endsWith("data: [DONE]\n\n");
        }
        case 2 -> { // goes in the middle, with bytes unread
          client.post(CHAT, TestServer.chat("\"stream\":true")).head();
          for (int i = 0; i < chunks && !client.chunk().isEmpty(); i++) {
            // reads on
          }
        }
        case 3 -> client.post(CHAT, TestServer.chat("")); // goes at once
        default -> {
          client.post(CHAT, TestServer.chat("\"stream\":\"maybe\""));
          assertTrue(client.head().status().contains("400"));
        }
      }
      return false;
    }
  }
}
