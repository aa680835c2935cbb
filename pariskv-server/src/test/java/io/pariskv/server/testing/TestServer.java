package io.pariskv.server.testing;

import io.pariskv.chat.AnswerForms;
import io.pariskv.chat.MessageTemplate;
import io.pariskv.chat.ToolFormat;
import io.pariskv.constrain.Constraint;
import io.pariskv.constrain.Constraints;
import io.pariskv.model.file.GenerationConfig;
import io.pariskv.server.ParisKvServer;
import io.pariskv.server.ServerSettings;
import io.pariskv.server.http.HttpLimits;
import io.pariskv.server.model.ServedModel;
import io.pariskv.text.ChatTemplate;
import io.pariskv.text.Tokenizer;
import io.pariskv.text.jinja.JinjaTemplate;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A server over a fake engine, with the tokenizer and template of the bundled model, and clients for it. */
public final class TestServer implements AutoCloseable {
  /** The model's name. */
  public static final String MODEL = "fake";
  /** The model's context. */
  public static final int CONTEXT = 100_000;
  /** The bundled model. */
  public static final Path RECALL_MODEL = Path.of(System.getProperty("project.root", ".."))
      .resolve("models/recall-12m");
  /** Limits for tests: a body of 1 MiB, and heartbeats that come soon. */
  public static final HttpLimits LIMITS = new HttpLimits(1 << 20, Duration.ofSeconds(30),
      Duration.ofMillis(20));

  private static final JsonMapper MAPPER = JsonMapper.shared();
  private static final Tokenizer TOKENIZER = Tokenizer.load(RECALL_MODEL.resolve("tokenizer.json"));
  private static final ChatTemplate TEMPLATE = ChatTemplate.load(RECALL_MODEL,
      (name, source) -> JinjaTemplate.parse(name, source)::render);

  private static final Set<Integer> ENDS = Set.of(TOKENIZER.idOf("<|im_end|>").orElseThrow());
  private static final AnswerForms FORMS = new AnswerForms(TOKENIZER,
      () -> Constraints.of(TOKENIZER, ENDS, TOKENIZER.vocabularySize()));

  private final Map<String, FakeEngine> engines;
  private final ParisKvServer server;
  private final BlockingQueue<ObjectNode> log = new LinkedBlockingQueue<>();
  private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
      .build();

  /** A server with the limits for tests. */
  public TestServer(FakeEngine engine) {
    this(engine, ServerSettings.local().withLimits(LIMITS));
  }

  /** A server. */
  public TestServer(FakeEngine engine, ServerSettings settings) {
    this(settings, Map.of(MODEL, engine));
  }

  /** A server of a model with this template. */
  public TestServer(FakeEngine engine, MessageTemplate template) {
    this.engines = Map.of(MODEL, engine);
    this.server = ParisKvServer.start(ServerSettings.local().withLimits(LIMITS),
        List.of(model(MODEL, engine, template)), log::add);
  }

  /** A server of several models. */
  public TestServer(ServerSettings settings, Map<String, FakeEngine> engines) {
    this.engines = engines;
    List<ServedModel> models = engines.entrySet().stream()
        .map(entry -> model(entry.getKey(), entry.getValue())).toList();
    this.server = ParisKvServer.start(settings, models, log::add);
  }

  /** A model of this engine. */
  public static ServedModel model(String id, FakeEngine engine) {
    return model(id, engine, TEMPLATE::renderMessages);
  }

  private static ServedModel model(String id, FakeEngine engine, MessageTemplate template) {
    return new ServedModel(id, engine, TOKENIZER, template, ToolFormat.of(template), FORMS, ENDS,
        GenerationConfig.EMPTY, CONTEXT);
  }

  /** An engine that answers with a text, token by token, and the end of its turn. */
  public static FakeEngine saying(String text) {
    return FakeEngine.saying(TOKENIZER, encode(text), ENDS.iterator().next());
  }

  /** Whether a text is an answer that a constraint allows. */
  public static boolean allows(Constraint constraint, String answer) {
    Constraint.Progress progress = constraint.start();
    for (int token : IntStream.concat(Arrays.stream(encode(answer)),
        IntStream.of(ENDS.iterator().next())).toArray()) {
      int[] forbidden = new int[Math.ceilDiv(TOKENIZER.vocabularySize(), 32)];
      progress.forbid(forbidden);
      if ((forbidden[token >> 5] >> (token & 31) & 1) != 0) {
        return false;
      }
      progress.accept(token);
    }
    return true;
  }

  /** The tokens of a text. */
  public static int[] encode(String text) {
    return TOKENIZER.encode(text);
  }

  /** The text of tokens. */
  public static String decode(int[] tokens) {
    return TOKENIZER.decode(tokens, false);
  }

  /** The engine of its only model. */
  public FakeEngine engine() {
    return engines.values().iterator().next();
  }

  /** The server itself. */
  public ParisKvServer server() {
    return server;
  }

  /** A reply. */
  public record Reply(int status, String body, HttpResponse<String> response) {
    /** Its JSON. */
    public JsonNode json() {
      return MAPPER.readTree(body);
    }

    /** Its error object. */
    public JsonNode error() {
      return json().path("error");
    }
  }

  /** Gets a path. */
  public Reply get(String path, String... headers) throws IOException, InterruptedException {
    return reply(request(path, headers).GET());
  }

  /** Posts JSON. */
  public Reply post(String path, String json, String... headers)
      throws IOException, InterruptedException {
    return reply(request(path, headers).header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(json)));
  }

  /** Posts bytes as JSON. */
  public Reply post(String path, byte[] json) throws IOException, InterruptedException {
    return reply(request(path).header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofByteArray(json)));
  }

  /** Any request. */
  public Reply reply(HttpRequest.Builder request) throws IOException, InterruptedException {
    HttpResponse<String> response = http.send(request.build(),
        HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
    return new Reply(response.statusCode(), response.body(), response);
  }

  /** A request to a path. */
  public HttpRequest.Builder request(String path, String... headers) {
    HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(server.url() + path))
        .timeout(Duration.ofSeconds(60));
    return headers.length == 0 ? builder : builder.headers(headers);
  }

  /** A client that speaks bytes. */
  public RawClient connect() throws IOException {
    return new RawClient(server.url().getPort());
  }

  /** The next entry of the log; waits for it. */
  public ObjectNode logged() throws InterruptedException {
    ObjectNode entry = log.poll(30, TimeUnit.SECONDS);
    if (entry == null) {
      throw new AssertionError("nothing was logged");
    }
    return entry;
  }

  /** A chat request with one short message, and these fields. */
  public static String chat(String fields) {
    return "{\"model\":\"fake\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
        + (fields.isEmpty() ? "" : "," + fields) + "}";
  }

  @Override
  public void close() {
    server.close();
    engines.values().forEach(FakeEngine::close);
    http.close();
  }
}
