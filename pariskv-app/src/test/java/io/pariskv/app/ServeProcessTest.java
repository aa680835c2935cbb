package io.pariskv.app;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The server as a user starts it, on the bundled model. */
@Timeout(value = 180, unit = TimeUnit.SECONDS)
class ServeProcessTest {
  private static final JsonMapper JSON = JsonMapper.shared();

  private final HttpClient http = HttpClient.newHttpClient();
  private final List<Process> started = new ArrayList<>();

  private URI start(Object... more) throws IOException {
    Process process = ChildJvm
        .start(Cli.with(new Object[]{"serve", "--port", 0, "--model", RECALL_MODEL,
            "--model", "other=" + RECALL_MODEL, "--context", 20_000, "--places", 2}, more));
    started.add(process);
    String line = String.valueOf(process.inputReader().readLine());
    assertTrue(line.contains(" serves recall-12m, 20000 tokens of context"), line);
    return URI.create(line.split(" ")[0]);
  }

  @AfterEach
  void end() {
    http.close();
    started.forEach(Process::destroyForcibly);
  }

  private static HttpRequest chat(URI url, String model, String user, boolean stream, int tokens) {
    ObjectNode body = JSON.createObjectNode().put("model", model).put("stream", stream)
        .put("max_tokens", tokens).put("ignore_eos", tokens > 1000);
    body.putArray("messages").addObject().put("role", "user").put("content", user);
    return HttpRequest.newBuilder(url.resolve("/v1/chat/completions"))
        .header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(body.toString())).build();
  }

  @Test
  void signal_letsAnswersEnd_andTheCodeIsZero() throws Exception {
    URI url = start("--drain-seconds", 1);
    HttpResponse<Stream<String>> running = http.send(
        chat(url, "other", "hi", true, 15_000), HttpResponse.BodyHandlers.ofLines());
    var lines = running.body().iterator();
    assertTrue(lines.next().startsWith("data: "));
    Process process = started.getLast();
    process.toHandle().destroy();
    String last = "";
    while (lines.hasNext()) {
      String line = lines.next();
      last = line.startsWith("data: ") ? line : last;
    }
    assertTrue(last.contains("shutting_down") || last.equals("data: [DONE]"), last);
    String errors = ChildJvm.errors(process);
    assertEquals(0, process.waitFor(), errors);
    JsonNode entry = JSON.readTree(errors.lines().toList().getLast());
    assertEquals("/v1/chat/completions", entry.path("route").asString(), errors);
  }

  @Test
  void wrongUsage_isRefusedBeforeAModelIsLoaded() {
    Object[] serve = {"serve", "--model", "none"};
    Cli.run("serve").refused(2, "--model");
    Cli.run(Cli.with(serve, "--port", 70_000)).refused(2, "--port 70000", "65535");
    Cli.run(Cli.with(serve, "--places", 0)).refused(2, "--places 0");
    Cli.run(Cli.with(serve, "--max-queue", -1)).refused(2, "--max-queue -1");
    Cli.run(Cli.with(serve, "--attention-strip", "no")).refused(2, "--attention-strip 'no'");
    Cli.run(Cli.with(serve, "--drain-seconds", 0)).refused(2, "--drain-seconds 0");
    Cli.run(Cli.with(serve, "--model", "=x")).refused(2, "NAME=DIR");
    Cli.run(Cli.with(serve, "--model", "none")).refused(2, "NAME=DIR");
    Cli.run(Cli.with(serve, "--tls-keystore", "x")).refused(2, "--tls-password-file");
    Cli.run(Cli.with(serve, "--api-key-file", "none")).refused(1, "none");
    Cli.run(serve).refused(1, "none: no such directory");
  }
}
