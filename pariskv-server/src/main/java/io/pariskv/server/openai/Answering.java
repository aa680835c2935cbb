package io.pariskv.server.openai;

import io.pariskv.chat.AnswerParser;
import io.pariskv.chat.Part;
import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineRequest;
import io.pariskv.engine.EngineStoppedException;
import io.pariskv.engine.QueueFullException;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.Json;
import io.pariskv.server.http.OpenReply;
import io.pariskv.server.metrics.ModelMetrics;
import io.pariskv.server.metrics.RequestTimes;
import io.pariskv.server.model.ServedModel;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One answer's way from the engine to the client: queued, written whole or in pieces, counted, logged. A client that goes
 * away ends it.
 *
 * <p>An answer that is long in coming is not silent: where pieces are streamed, comments stand between them; before a whole
 * answer stand spaces, which JSON allows. So clients do not give up early, and it is noticed when they do.
 */
final class Answering {
  private static final String COMMENT = ": keep-alive\n\n";
  private static final String SPACE = " ";
  /** A chunk of prefill on a slow machine takes minutes. */
  private static final Duration CANCELLED_WITHIN = Duration.ofMinutes(10);

  private final Serving serving;
  private final Exchange exchange;
  private final ServedModel model;
  private final ModelMetrics metrics;
  private final AnswerFormat format;
  private final AnswerParser parser;
  private final Delivery delivery;
  private final EngineRequest request;
  private final Answer answer;

  private boolean called;
  private boolean ended;

  Answering(Serving serving, Exchange exchange, ServedModel model, AnswerFormat format,
      AnswerParser parser, Delivery delivery, int[] prompt, GenerationOptions options) {
    this.serving = serving;
    this.exchange = exchange;
    this.model = model;
    this.metrics = serving.metrics().of(model);
    this.format = format;
    this.parser = parser;
    this.delivery = delivery;
    this.request = new EngineRequest(prompt, options, serving.deadline());
    this.answer = new Answer(exchange.startedAt(), delivery.stream(), metrics::interToken);
  }

  /**
   * Most new tokens.
   *
   * @param wanted what the request asks for, or null
   * @param otherwise how many then, as far as there is room
   * @param param the field that has the prompt
   */
  static int maxTokens(ServedModel model, int[] prompt, @Nullable Integer wanted, int otherwise,
      String param) {
    int room = model.context() - prompt.length;
    if (room < 1 || (wanted != null && wanted > room)) {
      int answer = wanted == null ? 1 : wanted;
      // In the words of OpenAI, which clients look for.
      throw ApiException.invalid(param, "context_length_exceeded",
          "This model's maximum context length is " + model.context()
              + " tokens. However, you requested " + ((long) prompt.length + answer) + " tokens ("
              + prompt.length + " in the " + param + ", " + answer
              + " in the completion). Please reduce the length of the " + param
              + " or the completion.");
    }
    return wanted == null ? Math.min(room, otherwise) : wanted;
  }

  /** Answers, or throws what the client is to be told. */
  void run() throws IOException {
    int[] prompt = request.prompt();
    ObjectNode notes = exchange.notes().put("model", model.id()).put("stream", delivery.stream())
        .put("prompt_tokens", prompt.length);
    if (serving.logPrompts()) {
      notes.put("prompt", model.tokenizer().decode(prompt, false));
    }
    Engine.Ticket ticket = submit();
    exchange.forgetBody();
    try {
      if (delivery.stream()) {
        stream();
      } else {
        whole();
      }
    } catch (InterruptedException e) { // the server closes
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("the server is closed").initCause(e);
    } finally {
      if (!ended) {
        answer.cancel();
        ticket.cancel();
        awaitEnd();
      }
    }
  }

  private Engine.Ticket submit() {
    try {
      return model.engine().submit(request, answer);
    } catch (QueueFullException e) {
      metrics.refused();
      throw ApiException.tooMany(metrics.retryAfterSeconds(), e);
    } catch (EngineStoppedException e) {
      throw stopped(e);
    }
  }

  private static ApiException ends() {
    return ApiException.unavailable("shutting_down", "the server ends, and the answer with it");
  }

  private ApiException stopped(EngineStoppedException e) {
    if (serving.draining().getAsBoolean()) { // it was not yet when the request came
      return ends();
    }
    serving.failed().add(model.id());
    exchange.notes().put("failure", String.valueOf(e.getMessage()));
    return ApiException.unavailable("engine_failed",
        "the engine of model " + model.id() + " has failed; the server must be started again");
  }

  /** Server-sent events. The client has a status and a role before the prompt is read. */
  private void stream() throws IOException, InterruptedException {
    OpenReply reply = exchange.open("text/event-stream; charset=utf-8", COMMENT);
    ObjectNode opening = format.opening();
    reply.send(opening == null ? COMMENT : event(opening));
    while (!ended) {
      Answer.Event event = answer.next(exchange.heartbeat());
      if (event == null) {
        reply.beat();
        continue;
      }
      StringBuilder out = new StringBuilder();
      for (; event != null; event = answer.next()) {
        events(event, out);
      }
      reply.send(out.toString());
    }
    reply.end();
  }

  private void events(Answer.Event event, StringBuilder out) {
    switch (event) {
      case Answer.Event.Text(String text) -> pieces(parser.push(text), out);
      case Answer.Event.Ended(GenerationResult result) -> {
        ApiException cut = cut(result);
        if (cut == null) {
          pieces(parser.finish(), out);
        }
        record(reason(result), result);
        if (cut != null) {
          out.append(event(cut.toJson()));
          return;
        }
        out.append(event(format.ending(reason(result))));
        if (delivery.includeUsage()) {
          out.append(event(format.numbers(AnswerFormat.usage(result))));
        }
        out.append("data: [DONE]\n\n");
      }
      case Answer.Event.Failed(Exception failure) ->
        out.append(event(failed(failure).toJson()));
    }
  }

  private void pieces(List<Part> parts, StringBuilder out) {
    for (Part part : parts) {
      called |= part instanceof Part.ToolCall;
      out.append(event(format.piece(part)));
    }
  }

  private static String event(JsonNode json) {
    return "data: " + Json.text(json) + "\n\n";
  }

  /** One JSON object. A status can still tell of a failure as long as the client was not kept waiting. */
  private void whole() throws IOException, InterruptedException {
    OpenReply reply = exchange.open("application/json", SPACE);
    Answer.Event event = answer.next(exchange.heartbeat());
    for (; event == null; event = answer.next(exchange.heartbeat())) {
      reply.beat();
    }
    ApiException problem = switch (event) {
      case Answer.Event.Ended(GenerationResult result) -> cut(result);
      case Answer.Event.Failed(Exception failure) -> failed(failure);
      case Answer.Event.Text text -> throw new IllegalStateException("a piece that nobody wants");
    };
    if (problem != null) {
      if (event instanceof Answer.Event.Ended(GenerationResult result)) {
        record(reason(result), result);
      }
      if (reply.started()) {
        reply.send(Json.text(problem.toJson()));
      }
      throw problem; // after a status the connection ends without the last chunk, which no client takes for an answer
    }
    GenerationResult result = ((Answer.Event.Ended) event).result();
    List<Part> parts = new ArrayList<>(parser.push(result.text()));
    parts.addAll(parser.finish());
    called = parts.stream().anyMatch(Part.ToolCall.class::isInstance);
    String reason = reason(result);
    record(reason, result);
    ObjectNode json = format.whole(parts, reason, AnswerFormat.usage(result));
    if (reply.started()) {
      reply.send(Json.text(json));
      reply.end();
    } else {
      exchange.send(200, json);
    }
  }

  private String reason(GenerationResult result) {
    return switch (result.finishReason()) {
      case STOP -> called ? "tool_calls" : "stop";
      case LENGTH, DEADLINE -> "length";
      case CANCELLED -> "abort";
    };
  }

  /** What was cancelled, but not by us, was cut by the end of the server, and is not an answer. */
  private static @Nullable ApiException cut(GenerationResult result) {
    return result.finishReason() == FinishReason.CANCELLED ? ends() : null;
  }

  private ApiException failed(Exception failure) {
    record("error", null);
    exchange.notes().put("failure", String.valueOf(failure));
    return ApiException.internal(failure);
  }

  /** The engine's last word on an answer that nobody waits for. */
  private void awaitEnd() {
    long until = System.nanoTime() + CANCELLED_WITHIN.toNanos();
    try {
      while (!ended) {
        Answer.Event event = answer.next(Duration.ofNanos(until - System.nanoTime()));
        switch (event) {
          case Answer.Event.Ended(GenerationResult result) -> record("abort", result);
          case Answer.Event.Failed(Exception failure) -> failed(failure);
          case Answer.Event.Text text -> {
          }
          case null -> {
            exchange.notes().put("failure", "the engine has not ended a cancelled request");
            return;
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the server closes, and does not wait
    }
  }

  /** The answer has ended, once. */
  private void record(String reason, @Nullable GenerationResult result) {
    ended = true;
    RequestTimes times = answer.times();
    metrics.ended(reason, times, result);
    ObjectNode notes = exchange.notes().put("finish_reason", reason);
    if (result != null) {
      notes.put("cached_tokens", result.cachedTokens()).put("completion_tokens",
          result.tokens().size());
      if (serving.logPrompts()) {
        notes.put("answer", result.text());
      }
    }
    millis(notes, "queue_ms", times.queued());
    millis(notes, "prefill_ms", times.prefill());
    millis(notes, "first_token_ms", times.firstToken());
    millis(notes, "decode_ms", times.decode());
  }

  private static void millis(ObjectNode notes, String name, double seconds) {
    if (!Double.isNaN(seconds)) {
      notes.put(name, Math.round(seconds * 1e3));
    }
  }
}
