package io.pariskv.server.openai;

import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.Fields;
import io.pariskv.server.http.Json;
import io.pariskv.server.model.ServedModel;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code POST /tokenize} and {@code /detokenize}, with the fields that vLLM has. */
public final class TokenizeEndpoint {
  private final Serving serving;

  /** For these models. */
  public TokenizeEndpoint(Serving serving) {
    this.serving = serving;
  }

  /** A text, or a conversation, to ids. */
  public void tokenize(Exchange exchange) throws IOException {
    Fields fields = new Fields(exchange.readJson());
    ServedModel model = serving.model(fields);
    boolean strings = fields.flag("return_token_strs", false);
    int[] ids = fields.any("messages") != null ? chat(fields, model) : text(fields, model);
    exchange.forgetBody();
    ObjectNode reply = Json.object().put("count", ids.length).put("max_model_len", model.context());
    ArrayNode tokens = reply.putArray("tokens");
    ArrayNode texts = strings ? reply.putArray("token_strs") : null;
    for (int id : ids) {
      tokens.add(id);
      if (texts != null) {
        texts.add(model.tokenizer().tokenText(id));
      }
    }
    exchange.send(200, reply);
  }

  private static int[] text(Fields fields, ServedModel model) {
    String prompt = fields.requiredText("prompt");
    boolean specials = fields.flag("add_special_tokens", true);
    fields.end();
    return PromptEncoder.text(model, prompt, specials);
  }

  private static int[] chat(Fields fields, ServedModel model) {
    ChatPrompt prompt = ChatPrompt.read(fields, model);
    boolean generation = fields.flag("add_generation_prompt", true);
    fields.end();
    return prompt.encode(model, generation);
  }

  /** Ids to text, special tokens included. */
  public void detokenize(Exchange exchange) throws IOException {
    Fields fields = new Fields(exchange.readJson());
    ServedModel model = serving.model(fields);
    List<JsonNode> tokens = fields.array("tokens", Integer.MAX_VALUE);
    if (tokens == null) {
      throw fields.missing("tokens");
    }
    fields.end();
    int[] ids = ids(tokens, "tokens", model.tokenizer().vocabularySize());
    exchange.forgetBody();
    exchange.send(200, Json.object().put("prompt", model.tokenizer().decode(ids, false)));
  }

  /** Token ids below {@code limit}. */
  static int[] ids(List<JsonNode> tokens, String name, int limit) {
    int[] ids = new int[tokens.size()];
    for (int i = 0; i < ids.length; i++) {
      @Nullable
      JsonNode token = tokens.get(i);
      if (!token.isIntegralNumber() || !token.canConvertToInt() || token.intValue() < 0
          || token.intValue() >= limit) {
        throw ApiException.invalid(name, name + "[" + i + "] is " + Json.kind(token)
            + ", expected a token id from 0 to " + (limit - 1));
      }
      ids[i] = token.intValue();
    }
    return ids;
  }
}
