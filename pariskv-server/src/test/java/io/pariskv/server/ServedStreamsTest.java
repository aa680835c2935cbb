package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineOptions;
import io.pariskv.engine.EngineStatus;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Session;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.server.http.HttpLimits;
import io.pariskv.server.model.ServedModel;
import io.pariskv.server.testing.RawClient;
import io.pariskv.server.testing.TestServer;
import io.pariskv.text.ChatMessage;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many streams at once on the bundled model, two in five of which go away: fifty on a GPU. */
@Timeout(180)
class ServedStreamsTest {
  private static final boolean CUDA = "cuda".equals(System.getProperty("pariskv.testBackend"));
  private static final int CLIENTS = CUDA ? 50 : 20;
  private static final long KEPT = 20_000;
  private static final HttpLimits LIMITS = new HttpLimits(1 << 20, Duration.ofSeconds(30),
      Duration.ofMillis(50));
  private static final AttentionMethod METHOD = new ParisKv(
      new ParisKvConfig(16, 32, 8, 0, new RetrievalBudget(48, null, null)));
  private static final int TOKENS = 8;
  private static final int QUESTIONS = 3;

  /** All begin alike, and each is asked by many. */
  private static String question(int client) {
    return "A timid otter asked the plum . ".repeat(12) + "The secret number of the otter is "
        + (31 + client % QUESTIONS) + " . What is the secret number of the otter ?";
  }

  private static String chat(int client, int tokens) {
    return """
        {"model": "recall", "stream": true, "max_tokens": %d, "ignore_eos": true, "temperature": 0,
         "messages": [{"role": "user", "content": "%s"}]}
        """.formatted(tokens, question(client));
  }

  /** What a session answers, which a GPU may round otherwise than a batch. */
  private static List<String> answers(LanguageModel model) {
    return IntStream.range(0, QUESTIONS).mapToObj(client -> {
      try (Session session = model.newSession(METHOD)) {
        return session.generate(List.of(new ChatMessage("user", question(client))),
            GenerationOptions.greedy(TOKENS).withIgnoreEos(true), GenerationListener.NONE).text();
      }
    }).toList();
  }

  @Test
  void everyStreamEndsOnce_withItsOwnAnswer_andNothingIsLeft() throws Exception {
    LoadOptions options = LoadOptions.defaults().withContext(4_096)
        .withBackend(System.getProperty("pariskv.testBackend", "vector"));
    EngineOptions serving = EngineOptions.defaults().withMaxQueue(CLIENTS).withKeepTokens(KEPT);
    try (LanguageModel model = LanguageModel.load(TestServer.RECALL_MODEL, options)) {
      serve(model, answers(model), serving);
    }
  }

  private static void serve(LanguageModel model, List<String> answers, EngineOptions serving)
      throws Exception {
    try (Engine engine = Engine.start(model, METHOD, serving);
        ParisKvServer server = ParisKvServer.start(ServerSettings.local().withLimits(LIMITS),
            List.of(ServedModel.of("recall", model, engine)), _ -> {
            });
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      SplittableRandom random = new SplittableRandom(7);
      List<Future<@Nullable Void>> clients = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        int client = i;
        int chunks = random.nextInt(TOKENS);
        clients.add(threads.submit(() -> stream(server, answers, client, chunks)));
      }
      for (Future<@Nullable Void> client : clients) {
        client.get();
      }
      assertTrue(server.drain(Duration.ofSeconds(60)), "those that went away have ended");
      EngineStatus status = engine.status();
      assertEquals(0, status.waiting() + status.prefilling() + status.decoding());
      assertEquals(0, status.failed());
      assertEquals(CLIENTS, status.ended());
      assertTrue(status.heldTokens() <= KEPT, status::toString);
      assertTrue(status.cachedTokens() > 0, status::toString);
    }
  }

  /** Reads to the end, or some chunks, or nothing. */
  private static @Nullable Void stream(ParisKvServer server, List<String> answers, int client,
      int chunks) throws IOException {
    boolean stays = client % 5 < 3;
    try (RawClient raw = new RawClient(server.url().getPort())) {
      raw.post("/v1/chat/completions", chat(client, stays ? TOKENS : 3_000));
      assertTrue(raw.head().status().contains("200"));
      if (stays) {
        String body = raw.chunks();
        assertTrue(body.endsWith("data: [DONE]\n\n"), body);
        String text = text(body);
        assertFalse(text.isBlank());
        if (!CUDA) {
          assertEquals(answers.get(client % QUESTIONS), text);
        }
      } else {
        for (int i = 0; i < chunks && !raw.chunk().isEmpty(); i++) {
          // goes in the middle
        }
      }
      return null;
    }
  }

  /** The pieces of an answer put together. */
  private static String text(String events) {
    StringBuilder text = new StringBuilder();
    int at = 0;
    String field = "\"content\":\"";
    while ((at = events.indexOf(field, at)) >= 0) {
      at += field.length();
      text.append(events, at, events.indexOf('"', at));
    }
    return text.toString();
  }
}
