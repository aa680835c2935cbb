package io.pariskv.server.openai;

import io.pariskv.error.InputException;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.Fields;
import io.pariskv.server.http.Json;
import io.pariskv.server.model.ServedModel;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code POST /v1/responses}: text in, text out. Nothing is kept of a response. */
public final class ResponsesEndpoint extends AnswerEndpoint {
  private static final String KEPT = "nothing is kept of a response; send the whole conversation as input";

  private static final String LOGPROBS = "message.output_text.logprobs";
  private static final int MOST_INCLUDED = 16;

  /** For these models. */
  public ResponsesEndpoint(Serving serving) {
    super(serving);
  }

  /** {@inheritDoc} But not what the answer repeats. */
  @Override
  AnswerRequest read(Exchange exchange) throws IOException {
    Fields fields = new Fields(exchange.readJson());
    ServedModel model = serving.model(fields);
    Tools tools = Tools.readFlat(fields, model);
    ToolChoice choice = ToolChoice.readFlat(fields, tools);
    ChatPrompt chat = new ChatPrompt(ResponsesInput.messages(fields, model),
        ChatPrompt.variables(fields), choice.offered(tools));
    AnswerForm form = AnswerForm.of(format(fields), choice, chat.tools(), model);
    boolean stream = Delivery.readStream(fields);
    Integer wanted = fields.integer("max_output_tokens", 1, Integer.MAX_VALUE);
    int logprobs = SamplingFields.logprobs(fields, include(fields));
    GenerationOptions options = SamplingFields.read(fields, model).withLogprobs(logprobs);
    ObjectNode response = response(fields, model, options);
    refuseOthers(fields);
    int[] prompt = chat.encode(model, true);
    int most = SamplingFields.maxTokens(model, prompt, wanted, Integer.MAX_VALUE, "input");
    ResponsesFormat format = new ResponsesFormat(exchange.id(), response,
        thoughts -> count(model, thoughts), TokenJson.of(model, options));
    return new AnswerRequest(model, prompt,
        form.on(options.withMaxTokens(most), model, prompt), format,
        chat.parser(model, prompt), stream);
  }

  private static ResponseFormat format(Fields fields) {
    Fields text = fields.object("text");
    if (text == null) {
      return ResponseFormat.ANY;
    }
    ResponseFormat format = ResponseFormat.readFlat(text);
    text.unsupported("verbosity", "say in the input how long the answer should be");
    text.end();
    return format;
  }

  /** Whether the client wants to know how probable tokens are. */
  private static boolean include(Fields fields) {
    List<JsonNode> items = fields.array("include", MOST_INCLUDED);
    if (items == null) {
      return false;
    }
    for (JsonNode item : items) {
      if (!item.asString("").equals(LOGPROBS)) {
        throw ApiException.invalid("include", "unsupported_parameter", "include has "
            + Json.kind(item) + ", but beside " + LOGPROBS + " a response has all that there is");
      }
    }
    return !items.isEmpty();
  }

  private static int count(ServedModel model, String thoughts) {
    try {
      return PromptEncoder.text(model, thoughts, false).length;
    } catch (InputException e) { // what a model wrote may be more than is read at once, and is an answer all the same
      return Integer.MAX_VALUE;
    }
  }

  /** The response as far as the request determines it. */
  private static ObjectNode response(Fields fields, ServedModel model, GenerationOptions options) {
    fields.object("metadata");
    ObjectNode json = Json.object().put("object", "response")
        .put("created_at", Instant.now().getEpochSecond()).put("background", false)
        .put("model", model.id()).putNull("previous_response_id").put("store", false)
        .put("temperature", options.temperature()).put("top_p", options.topP())
        .put("top_logprobs", Math.max(0, options.logprobs())).put("truncation", "disabled")
        .put("service_tier", "default")
        .put("parallel_tool_calls", fields.flag("parallel_tool_calls", true));
    json.set("instructions", repeated(fields, "instructions", null));
    json.set("max_output_tokens", repeated(fields, "max_output_tokens", null));
    json.set("metadata", repeated(fields, "metadata", Json.object()));
    json.set("tools", repeated(fields, "tools", Json.array()));
    json.set("tool_choice", repeated(fields, "tool_choice", Json.object().stringNode("auto")));
    json.putObject("reasoning").putNull("effort").putNull("summary");
    Fields text = fields.object("text");
    json.putObject("text").set("format",
        text == null || text.any("format") == null
            ? Json.object().put("type", "text")
            : text.any("format"));
    return json;
  }

  private static @Nullable JsonNode repeated(Fields fields, String name,
      @Nullable JsonNode otherwise) {
    JsonNode value = fields.any(name);
    return value == null ? otherwise : value;
  }

  private static void refuseOthers(Fields fields) {
    SamplingFields.refuseOthers(fields);
    fields.unsupported("previous_response_id", KEPT);
    fields.unsupported("conversation", KEPT);
    fields.unsupported("prompt", "prompts are not kept here; use instructions and input");
    fields.unsupported("background", KEPT, "false");
    fields.unsupported("truncation", "nothing is cut; shorten the input", "\"disabled\"");
    fields.unsupported("max_tool_calls", "how many are called is up to the model");
    Fields reasoning = fields.object("reasoning");
    if (reasoning != null) {
      reasoning.unsupported("effort",
          "use chat_template_kwargs, such as {\"enable_thinking\": false}");
      reasoning.unsupported("summary", "what the model thinks comes in full");
      reasoning.unsupported("generate_summary", "what the model thinks comes in full");
      reasoning.end();
    }
    fields.end();
  }
}
