package io.pariskv.app.cli;

import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.method.AttentionMethod;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** What {@code --json} prints. */
final class Json {
  static final JsonMapper MAPPER = JsonMapper.builder().build();

  private Json() {
  }

  static ObjectNode of(LanguageModel model, AttentionMethod method, GenerationResult result) {
    ObjectNode json = MAPPER.createObjectNode();
    json.put("model", model.name());
    json.put("backend", model.backend().name());
    json.put("method", method.name());
    json.put("prompt_tokens", result.promptTokens());
    json.put("cached_tokens", result.cachedTokens());
    json.put("completion_tokens", result.tokens().size());
    result.tokens().forEach(json.putArray("token_ids")::add);
    json.put("text", result.text());
    json.put("finish_reason", result.finishReason().toString());
    json.put("prefill_seconds", result.prefillSeconds());
    json.put("decode_seconds", result.decodeSeconds());
    json.put("attended_tokens_mean", result.attendedTokensMean());
    json.put("held_tokens", result.heldTokens());
    json.put("kv_bytes_per_token", result.kvBytesPerToken());
    json.put("summary_bytes_per_token", result.summaryBytesPerToken());
    json.put("summary_bytes_held", result.summaryBytes());
    json.put("row_cache_hit_rate", result.rowCacheHitRate());
    json.put("fetched_bytes_per_token", result.fetchedBytesPerToken());
    return json;
  }
}
