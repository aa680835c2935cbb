package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.TestServer;
import io.pariskv.server.testing.TestServer.Reply;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Bodies that are almost right: each gets an answer or a refusal, never a failure and never silence. */
@Timeout(120)
class BodyFuzzTest {
  private static final int ROUNDS = 1800;

  private static final String CHAT = "/v1/chat/completions";
  private static final String COMPLETIONS = "/v1/completions";
  private static final String RESPONSES = "/v1/responses";
  private static final List<String> PATHS = List.of(CHAT, COMPLETIONS, RESPONSES, "/tokenize",
      "/detokenize");

  /** A body, and where it belongs. */
  private record Sound(String path, String body) {
  }

  private static final List<Sound> SOUND = List.of(
      new Sound(CHAT,
          TestServer.chat("\"stream\":true,\"stream_options\":{\"include_usage\":true},\"n\":1")),
      new Sound(CHAT,
          TestServer.chat("\"temperature\":0.7,\"top_p\":0.9,\"seed\":42,\"stop\":[\"a\",\"b\"]")),
      new Sound(CHAT,
          "{\"model\":\"fake\",\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":"
              + "\"text\",\"text\":\"be brief \\ud83d\\ude00\"}]},{\"role\":\"user\",\"content\":\"\u4E16\"}],"
              + "\"chat_template_kwargs\":{\"a\":[1,2.5,null,{\"b\":true}]},\"max_tokens\":5}"),
      new Sound(CHAT,
          "{\"messages\":[{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":[{\"id\":"
              + "\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
              + "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"r\"}],\"tools\":[{\"type\":"
              + "\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}]}"),
      new Sound(CHAT,
          TestServer.chat("\"logprobs\":true,\"top_logprobs\":2,\"response_format\":{\"type\":"
              + "\"json_schema\",\"json_schema\":{\"name\":\"a\",\"strict\":true,\"schema\":{\"type\":"
              + "\"object\",\"properties\":{\"b\":{\"type\":\"string\",\"enum\":[\"c\",\"\u4E16\"]},"
              + "\"d\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}},\"required\":[\"b\",\"d\"],"
              + "\"additionalProperties\":false}}}")),
      new Sound(CHAT,
          TestServer.chat("\"stream\":true,\"response_format\":{\"type\":\"json_object\"},"
              + "\"logprobs\":true")),
      new Sound(CHAT,
          TestServer
              .chat("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":"
                  + "true,\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"}}}}}],"
                  + "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"
                  + "\"parallel_tool_calls\":false")),
      new Sound(COMPLETIONS, "{\"prompt\":\"text\",\"logprobs\":5,\"stream\":true}"),
      new Sound(RESPONSES,
          "{\"input\":\"hi\",\"include\":[\"message.output_text.logprobs\"],\"top_logprobs\":3,"
              + "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"a\",\"schema\":{\"type\":"
              + "\"object\",\"properties\":{\"b\":{\"anyOf\":[{\"type\":\"null\"},{\"const\":1}]}}}}}}"),
      new Sound(COMPLETIONS,
          "{\"prompt\":[1,2,3],\"max_tokens\":3,\"user\":\"me\",\"metadata\":{\"k\":\"v\"}}"),
      new Sound(COMPLETIONS,
          "{\"prompt\":\"text\",\"add_special_tokens\":false,\"ignore_eos\":true,\"stream\":true}"),
      new Sound(RESPONSES,
          "{\"input\":\"hi\",\"stream\":true,\"metadata\":{\"k\":\"v\"},\"store\":false,"
              + "\"text\":{\"format\":{\"type\":\"text\"}},\"reasoning\":{},\"max_output_tokens\":5}"),
      new Sound(RESPONSES,
          "{\"instructions\":\"be brief\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":"
              + "\"input_text\",\"text\":\"\u4E16\"}]},{\"type\":\"reasoning\",\"summary\":[],\"content\":"
              + "[{\"type\":\"reasoning_text\",\"text\":\"t\"}]},{\"type\":\"message\",\"id\":\"m\",\"role\":"
              + "\"assistant\",\"status\":\"completed\",\"content\":[{\"type\":\"output_text\",\"text\":\"x\","
              + "\"annotations\":[]}]},{\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":\"r\"}]}"),
      new Sound(RESPONSES,
          "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"1\",\"name\":\"f\",\"arguments\":\"{}\"}],"
              + "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{},\"strict\":false}]}"),
      new Sound("/tokenize", "{\"prompt\":\"two words\",\"return_token_strs\":true}"),
      new Sound("/detokenize", "{\"tokens\":[5,6,7]}"));

  private static final List<String> PIECES = List.of("null", "true", "-1", "1e999", "\"\"", "{}",
      "[]", "[[[[[[", "}}}}", "\"\\ud800\"", "\\udc00", "\u0000", "99999999999999999999", "0.0",
      "\"role\":", "\"content\":", "\"" + "y".repeat(5000) + "\"", ",", ":", "\\", "<|im_end|>",
      "[null]", "{\"a\":null}", "1E-400", "-0", "\uFEFF", "\uD83D\uDE00");

  private static final Set<Integer> STATUSES = Set.of(200, 400, 404, 413);

  @Test
  void mutatedBodies_areAnsweredOrRefused() throws Exception {
    long seed = Long.getLong("pariskv.seed", 20261123);
    SplittableRandom random = new SplittableRandom(seed);
    FakeEngine engine = FakeEngine.answering("a", "\u4E16");
    int answered = 0;
    try (TestServer server = new TestServer(engine)) {
      for (int round = 0; round < ROUNDS; round++) {
        Sound sound = SOUND.get(random.nextInt(SOUND.size()));
        byte[] body = mutate(sound.body(), random);
        String path = random.nextInt(8) == 0
            ? PATHS.get(random.nextInt(PATHS.size()))
            : sound.path();
        Reply reply = server.post(path, body);
        String shown = "seed " + seed + ", round " + round + ": " + path + " "
            + new String(body, StandardCharsets.UTF_8) + " -> " + reply.status() + " "
            + reply.body();
        assertTrue(STATUSES.contains(reply.status()), shown);
        if (reply.status() != 200) {
          assertTrue(reply.error().path("message").isString(), shown);
        } else if (!reply.body().strip().startsWith("{")) {
          assertTrue(reply.body().endsWith("data: [DONE]\n\n"), shown);
        }
        answered += reply.status() == 200 ? 1 : 0;
        server.logged();
      }
      assertTrue(answered > ROUNDS / 50 && answered < ROUNDS, "answered: " + answered);
      assertEquals(engine.submitted(), engine.ended());
    }
  }

  private static byte[] mutate(String body, SplittableRandom random) {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    for (int n = random.nextInt(4); n > 0; n--) {
      int at = random.nextInt(bytes.length + 1);
      int end = Math.min(bytes.length, at + random.nextInt(12));
      byte[] middle = switch (random.nextInt(5)) {
        case 0 -> new byte[]{(byte) random.nextInt(256)};
        case 1 -> new byte[0];
        case 2 -> Arrays.copyOfRange(bytes, random.nextInt(bytes.length + 1) / 2, bytes.length);
        default -> PIECES.get(random.nextInt(PIECES.size())).getBytes(StandardCharsets.UTF_8);
      };
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      out.write(bytes, 0, at);
      out.writeBytes(middle);
      int from = random.nextBoolean() ? at : end;
      out.write(bytes, from, bytes.length - from);
      bytes = out.toByteArray();
    }
    return bytes;
  }
}
