package io.pariskv.server.openai;

import io.pariskv.generate.GenerationOptions;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Fields;
import io.pariskv.server.http.Json;
import io.pariskv.server.model.ServedModel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The fields that say how tokens are chosen and when an answer ends, alike for all endpoints that answer. */
final class SamplingFields {
  private static final int MOST_STOPS = 16;
  private static final int MOST_STOP_CHARACTERS = 1000;
  private static final int MOST_LOGPROBS = 20;
  private static final String TOP_LOGPROBS = "top_logprobs";

  private SamplingFields() {
  }

  /**
   * What the request asks for; what it leaves open is as the model's authors propose. Without a seed no two answers are
   * chosen alike. How many tokens an answer may have is known when the prompt is: {@link #maxTokens}.
   */
  static GenerationOptions read(Fields fields, ServedModel model) {
    GenerationOptions options = GenerationOptions.proposed(model.sampling(), 1);
    Double temperature = fields.number("temperature", 0, 100);
    options = temperature == null ? options : options.withTemperature(temperature.floatValue());
    Double topP = fields.number("top_p", Float.MIN_NORMAL, 1);
    options = topP == null ? options : options.withTopP(topP.floatValue());
    Integer topK = fields.integer("top_k", -1, Integer.MAX_VALUE);
    options = topK == null ? options : options.withTopK(Math.max(0, topK)); // -1 is vLLM's for all
    Double minP = fields.number("min_p", 0, 1);
    options = minP == null ? options : options.withMinP(minP.floatValue());
    Double penalty = fields.number("repetition_penalty", 0.01, 100);
    options = penalty == null ? options : options.withRepetitionPenalty(penalty.floatValue());
    Long seed = fields.wide("seed", Long.MIN_VALUE, Long.MAX_VALUE);
    return options.withSeed(seed == null ? ThreadLocalRandom.current().nextLong() : seed)
        .withStop(stop(fields)).withIgnoreEos(fields.flag("ignore_eos", false));
  }

  /** Reads {@code logprobs} and {@code top_logprobs} of a chat: how many tokens are told beside each. */
  static int logprobs(Fields fields) {
    return logprobs(fields, fields.flag("logprobs", false), "logprobs true");
  }

  /** Reads {@code top_logprobs} of a response, whose {@code include} says whether they are wanted. */
  static int logprobs(Fields fields, boolean wanted) {
    return logprobs(fields, wanted, "include message.output_text.logprobs");
  }

  private static int logprobs(Fields fields, boolean wanted, String with) {
    Integer top = fields.integer(TOP_LOGPROBS, 0, MOST_LOGPROBS);
    if (!wanted && top != null && top > 0) {
      throw ApiException.invalid(TOP_LOGPROBS, "top_logprobs goes with " + with + " only");
    }
    return !wanted ? GenerationOptions.NO_LOGPROBS : top == null ? 0 : top;
  }

  /** Most new tokens if the request says so. */
  static @Nullable Integer wantedTokens(Fields fields) {
    Integer plain = fields.integer("max_tokens", 1, Integer.MAX_VALUE);
    Integer newer = fields.integer("max_completion_tokens", 1, Integer.MAX_VALUE);
    if (plain != null && newer != null && !plain.equals(newer)) {
      throw ApiException.invalid("max_completion_tokens", "max_completion_tokens is " + newer
          + " and max_tokens " + plain + "; give one of them");
    }
    return newer != null ? newer : plain;
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

  /** Fields of OpenAI's and of other servers that would change an answer, were they honoured. */
  static void refuseOthers(Fields fields) {
    fields.unsupported("n", "a request has one answer; send several requests", "1");
    fields.unsupported("presence_penalty", "use repetition_penalty", "0", "0.0");
    fields.unsupported("frequency_penalty", "use repetition_penalty", "0", "0.0");
    fields.unsupported("logit_bias", "tokens cannot be favoured one by one", "{}");
    fields.unsupported("best_of", "a request has one answer", "1");
    fields.unsupported("store", "nothing is kept of a request", "false");
    fields.unsupported("service_tier", "all requests are served alike", "\"auto\"", "\"default\"");
    // Words about a request that change nothing about its answer.
    fields.harmless("user", "metadata", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention");
  }

  /** One string, or several. */
  private static List<String> stop(Fields fields) {
    JsonNode stop = fields.any("stop");
    if (stop == null) {
      return List.of();
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode item : stop.isArray() ? stop.values() : List.of(stop)) {
      if (!item.isString() || item.stringValue().isEmpty()
          || item.stringValue().length() > MOST_STOP_CHARACTERS) {
        throw ApiException.invalid("stop", "stop has " + Json.kind(item)
            + ", expected strings of 1 to " + MOST_STOP_CHARACTERS + " characters");
      }
      texts.add(item.stringValue());
    }
    if (texts.size() > MOST_STOPS) {
      throw ApiException.invalid("stop",
          "stop has " + texts.size() + " strings, at most " + MOST_STOPS + " are looked for");
    }
    return texts;
  }
}
