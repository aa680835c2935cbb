package io.pariskv.server.openai;

import io.pariskv.chat.AnswerParser;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.Fields;
import io.pariskv.server.http.Json;
import io.pariskv.server.model.ServedModel;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** {@code POST /v1/completions}: a text continued as it is, without a chat template. */
public final class CompletionsEndpoint extends AnswerEndpoint {
  /** As OpenAI has it: a text does not end by itself. */
  private static final int MAX_TOKENS = 16;
  private static final int MOST_LOGPROBS = 5;

  /** For these models. */
  public CompletionsEndpoint(Serving serving) {
    super(serving);
  }

  @Override
  AnswerRequest read(Exchange exchange) throws IOException {
    Fields fields = new Fields(exchange.readJson());
    ServedModel model = serving.model(fields);
    JsonNode given = fields.any("prompt");
    if (given == null) {
      throw fields.missing("prompt");
    }
    boolean specials = fields.flag("add_special_tokens", true);
    Delivery delivery = Delivery.read(fields);
    Integer wanted = SamplingFields.wantedTokens(fields);
    Integer top = fields.integer("logprobs", 0, MOST_LOGPROBS);
    GenerationOptions options = SamplingFields.read(fields, model)
        .withLogprobs(top == null ? GenerationOptions.NO_LOGPROBS : top);
    SamplingFields.refuseOthers(fields);
    fields.unsupported("echo", "the prompt is not repeated", "false");
    fields.unsupported("suffix", "this server continues texts, and does not fill gaps", "\"\"");
    fields.end();
    int[] prompt = prompt(given, model, specials);
    int most = SamplingFields.maxTokens(model, prompt, wanted, MAX_TOKENS, "prompt");
    CompletionFormat format = new CompletionFormat(new Chunks("cmpl-" + exchange.id(),
        Instant.now().getEpochSecond(), model.id(), delivery.includeUsage()),
        TokenJson.of(model, options));
    return new AnswerRequest(model, prompt, options.withMaxTokens(most), format,
        AnswerParser.plain(), delivery.stream());
  }

  /** A text, token ids, or a list with one of these. */
  private static int[] prompt(JsonNode given, ServedModel model, boolean specials) {
    if (given.isString()) {
      return PromptEncoder.text(model, given.stringValue(), specials);
    }
    if (!given.isArray() || given.isEmpty()) {
      throw ApiException.invalid("prompt",
          "prompt is " + Json.kind(given) + ", expected a string or an array of token ids");
    }
    JsonNode first = given.get(0);
    if (first.isNumber()) {
      List<JsonNode> ids = List.copyOf(given.values());
      return TokenizeEndpoint.ids(ids, "prompt", model.tokenizer().vocabularySize());
    }
    if (given.size() > 1) {
      throw ApiException.invalid("prompt", "unsupported_value",
          "prompt has " + given.size() + " prompts, but a request has one answer; send several");
    }
    if (first.isArray() && !first.isEmpty() && !first.get(0).isNumber()) {
      throw ApiException.invalid("prompt",
          "prompt is an array of arrays of " + Json.kind(first.get(0)) + ", expected token ids");
    }
    return prompt(first, model, specials);
  }
}
