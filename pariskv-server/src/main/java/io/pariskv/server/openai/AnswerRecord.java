package io.pariskv.server.openai;

import io.pariskv.generate.GenerationResult;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.metrics.ModelMetrics;
import io.pariskv.server.metrics.RequestTimes;
import io.pariskv.server.model.ServedModel;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** What the log and the metrics come to know of one answer. Not thread-safe. */
final class AnswerRecord {
  private final ObjectNode notes;
  private final ModelMetrics metrics;
  private final boolean withTexts;
  private boolean ended;

  /** Of a request that is about to be queued. */
  AnswerRecord(Serving serving, Exchange exchange, AnswerRequest request) {
    ServedModel model = request.model();
    notes = exchange.notes().put("model", model.id()).put("stream", request.stream())
        .put("prompt_tokens", request.prompt().length);
    metrics = serving.metrics().of(model);
    withTexts = serving.logPrompts();
    if (withTexts) {
      notes.put("prompt", model.tokenizer().decode(request.prompt(), false));
    }
  }

  /** Something went wrong. */
  void failure(String message) {
    notes.put("failure", message);
  }

  /** Whether the answer's end was recorded. */
  boolean ended() {
    return ended;
  }

  /** The engine has answered. */
  void ended(String reason, RequestTimes times, GenerationResult result) {
    end(reason, times, result);
    notes.put("cached_tokens", result.cachedTokens()).put("completion_tokens",
        result.tokens().size());
    if (withTexts) {
      notes.put("answer", result.text());
    }
  }

  /** The engine has failed at it. */
  void failed(Exception failure, RequestTimes times) {
    end("error", times, null);
    failure(String.valueOf(failure));
  }

  private void end(String reason, RequestTimes times, @Nullable GenerationResult result) {
    ended = true;
    metrics.ended(reason, times, result);
    notes.put("finish_reason", reason);
    millis("queue_ms", times.queued());
    millis("prefill_ms", times.prefill());
    millis("first_token_ms", times.firstToken());
    millis("decode_ms", times.decode());
  }

  private void millis(String name, double seconds) {
    if (!Double.isNaN(seconds)) {
      notes.put(name, Math.round(seconds * 1e3));
    }
  }
}
