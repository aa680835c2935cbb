package io.pariskv.server.openai;

import io.pariskv.chat.AnswerParser;
import io.pariskv.chat.Part;
import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineRequest;
import io.pariskv.engine.EngineStoppedException;
import io.pariskv.engine.QueueFullException;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.TokenLogprobs;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.Json;
import io.pariskv.server.http.OpenReply;
import io.pariskv.server.metrics.ModelMetrics;
import io.pariskv.server.model.ServedModel;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/**
 * One answer's way from the engine to the client: queued, written whole or in pieces, recorded. A client that goes away ends
 * it.
 *
 * <p>An answer that is long in coming is not silent: where pieces are streamed, comments stand between them; before a whole
 * answer stand spaces, which JSON allows. So clients do not give up early, and it is noticed when they do.
 */
final class Answering {
  private static final String SPACE = " ";
  /** A chunk of prefill on a slow machine takes minutes. */
  private static final Duration CANCELLED_WITHIN = Duration.ofMinutes(10);

  private final Serving serving;
  private final Exchange exchange;
  private final AnswerRequest request;
  private final ModelMetrics metrics;
  private final AnswerRecord record;
  private final Answer answer;
  /* Tokens since the last part of the answer. */
  private List<TokenLogprobs> tokens = new ArrayList<>();
  private int characters;
  private boolean called;

  Answering(Serving serving, Exchange exchange, AnswerRequest request) {
    this.serving = serving;
    this.exchange = exchange;
    this.request = request;
    this.metrics = serving.metrics().of(request.model());
    this.record = new AnswerRecord(serving, exchange, request);
    this.answer = new Answer(exchange.startedAt(), request.stream(), metrics::interToken);
  }

  /** Answers, or throws what the client is to be told. */
  void run() throws IOException {
    Engine.Ticket ticket = submit();
    exchange.forgetBody();
    serving.live().started(exchange, request.model(), ticket);
    try {
      if (request.stream()) {
        stream();
      } else {
        whole();
      }
    } catch (InterruptedException e) { // the server closes
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("the server is closed").initCause(e);
    } finally {
      if (!record.ended()) {
        ticket.cancel();
        awaitEnd();
      }
      serving.live().ended(exchange);
    }
  }

  private Engine.Ticket submit() {
    try {
      return request.model().engine().submit(
          new EngineRequest(request.prompt(), request.options(), serving.deadline()), answer);
    } catch (QueueFullException e) {
      metrics.refused();
      throw ApiException.tooMany(metrics.retryAfterSeconds(), e);
    } catch (EngineStoppedException e) {
      throw stopped(e);
    }
  }

  private ApiException stopped(EngineStoppedException e) {
    if (serving.draining().getAsBoolean()) { // it was not yet when the request came
      return shuttingDown();
    }
    ServedModel model = request.model();
    serving.failed().add(model.id());
    record.failure(String.valueOf(e.getMessage()));
    return ApiException.unavailable("engine_failed",
        "the engine of model " + model.id() + " has failed; the server must be started again");
  }

  private static ApiException shuttingDown() {
    return ApiException.unavailable("shutting_down", "the server ends, and the answer with it");
  }

  /** Server-sent events. The client has a status before the prompt is read. */
  private void stream() throws IOException, InterruptedException {
    OpenReply reply = exchange.open("text/event-stream; charset=utf-8", EventText.COMMENT);
    EventText out = new EventText();
    request.format().begin(out);
    String beginning = out.take();
    reply.send(beginning.isEmpty() ? EventText.COMMENT : beginning);
    while (!record.ended()) {
      for (Answer.Event event = await(reply); event != null; event = answer.next()) {
        write(event, out);
      }
      reply.send(out.take());
    }
    reply.end();
  }

  /** The next event; the client hears something while there is none. */
  private Answer.Event await(OpenReply reply) throws IOException, InterruptedException {
    Answer.Event event = answer.next(exchange.heartbeat());
    while (event == null) {
      reply.beat();
      event = answer.next(exchange.heartbeat());
    }
    return event;
  }

  private void write(Answer.Event event, EventText out) {
    switch (event) {
      case Answer.Event.Token token -> pieces(token).forEach(piece -> write(piece, out));
      case Answer.Event.Ended(GenerationResult result) -> {
        last(result).forEach(piece -> write(piece, out));
        request.format().end(ending(result), out);
      }
      case Answer.Event.Cut(GenerationResult result) -> request.format().fail(cut(result), out);
      case Answer.Event.Failed(Exception failure) -> request.format().fail(failed(failure), out);
    }
  }

  private void write(Piece piece, EventText out) {
    request.format().piece(piece, out);
  }

  /** What is complete with a token. */
  private List<Piece> pieces(Answer.Event.Token token) {
    TokenLogprobs logprobs = token.logprobs();
    if (logprobs != null && !endsTurn(logprobs.token())) {
      tokens.add(logprobs);
    }
    characters += token.text().length();
    return pieces(request.parser().push(token.text()));
  }

  /** Such a token is no part of what the answer says. */
  private boolean endsTurn(int token) {
    return !request.options().ignoreEos() && request.model().ends().contains(token);
  }

  /** What was held back to the end. */
  private List<Piece> last(GenerationResult result) {
    List<Piece> pieces = new ArrayList<>(
        pieces(request.parser().push(result.text().substring(characters))));
    pieces.addAll(pieces(request.parser().finish()));
    return pieces;
  }

  private List<Piece> pieces(List<Part> parts) {
    List<Piece> pieces = new ArrayList<>();
    for (Part part : parts) {
      called |= part instanceof Part.ToolCall;
      pieces.add(new Piece(part, takeTokens()));
    }
    return pieces;
  }

  private List<TokenLogprobs> takeTokens() {
    List<TokenLogprobs> taken = tokens;
    tokens = new ArrayList<>();
    return taken;
  }

  /** One JSON object. A status can still tell of a failure as long as the client was not kept waiting. */
  private void whole() throws IOException, InterruptedException {
    OpenReply reply = exchange.open("application/json", SPACE);
    Answer.Event event = await(reply);
    ObjectNode json;
    try {
      json = whole(event);
    } catch (ApiException e) {
      if (reply.started()) {
        reply.send(Json.text(e.toJson()));
      }
      throw e; // after a status the connection ends without the last chunk, which no client takes for an answer
    }
    if (reply.started()) {
      reply.send(Json.text(json));
      reply.end();
    } else {
      exchange.send(200, json);
    }
  }

  private ObjectNode whole(Answer.Event event) {
    return switch (event) {
      case Answer.Event.Ended(GenerationResult result) -> {
        List<Piece> pieces = new ArrayList<>();
        answer.tokens().forEach(token -> pieces.addAll(pieces(token)));
        pieces.addAll(last(result));
        yield request.format().whole(pieces, ending(result));
      }
      case Answer.Event.Cut(GenerationResult result) -> throw cut(result);
      case Answer.Event.Failed(Exception failure) -> throw failed(failure);
      case Answer.Event.Token _ -> throw new IllegalStateException("a piece that nobody wants");
    };
  }

  /** Records an answer that is complete, after its last part. */
  private Ending ending(GenerationResult result) {
    String reason = switch (result.finishReason()) {
      case STOP -> called ? "tool_calls" : "stop";
      case LENGTH, DEADLINE -> "length";
      case CANCELLED -> throw new IllegalStateException("an answer that was cut is not complete");
    };
    record.ended(reason, answer.times(), result);
    return new Ending(reason, takeTokens(), result);
  }

  /** Records an answer that the server's end has cut. */
  private ApiException cut(GenerationResult result) {
    record.ended("abort", answer.times(), result);
    return shuttingDown();
  }

  private ApiException failed(Exception failure) {
    record.failed(failure, answer.times());
    return ApiException.internal(failure);
  }

  /** The engine's last word on an answer that nobody waits for. */
  private void awaitEnd() {
    long until = System.nanoTime() + CANCELLED_WITHIN.toNanos();
    try {
      while (!record.ended()) {
        switch (answer.next(Duration.ofNanos(until - System.nanoTime()))) {
          case Answer.Event.Ended(GenerationResult result) ->
            record.ended("abort", answer.times(), result);
          case Answer.Event.Cut(GenerationResult result) ->
            record.ended("abort", answer.times(), result);
          case Answer.Event.Failed(Exception failure) -> record.failed(failure, answer.times());
          case Answer.Event.Token _ -> {
          }
          case null -> {
            record.failure("the engine has not ended a cancelled request");
            return;
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the server closes, and does not wait
    }
  }
}
