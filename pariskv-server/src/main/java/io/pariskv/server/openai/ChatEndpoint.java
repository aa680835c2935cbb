package io.pariskv.server.openai;

import io.pariskv.chat.AnswerParser;
import io.pariskv.chat.Thinking;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.Fields;
import io.pariskv.server.model.ServedModel;
import java.io.IOException;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** {@code POST /v1/chat/completions}. */
public final class ChatEndpoint extends AnswerEndpoint {
  /** For these models. */
  public ChatEndpoint(Serving serving) {
    super(serving);
  }

  @Override
  AnswerRequest read(Exchange exchange) throws IOException {
    Fields fields = new Fields(exchange.readJson());
    ServedModel model = serving.model(fields);
    ChatPrompt asked = ChatPrompt.read(fields, model);
    ChatPrompt chat = asked.with(asked.tools().chosen(fields));
    Delivery delivery = Delivery.read(fields);
    Integer wanted = SamplingFields.wantedTokens(fields);
    GenerationOptions options = SamplingFields.read(fields, model);
    refuseOthers(fields);
    int[] prompt = chat.encode(model, true);
    int most = SamplingFields.maxTokens(model, prompt, wanted, Integer.MAX_VALUE, "messages");
    ChatFormat format = new ChatFormat(new Chunks("chatcmpl-" + exchange.id(),
        Instant.now().getEpochSecond(), model.id(), delivery.includeUsage()));
    return new AnswerRequest(model, prompt, options.withMaxTokens(most), format,
        chat.parser(model, prompt), delivery.stream());
  }

  private static void refuseOthers(Fields fields) {
    SamplingFields.refuseOthers(fields);
    fields.unsupported("logprobs", "this server does not give them", "false");
    fields.unsupported("top_logprobs", "this server does not give them", "0");
    fields.unsupported("functions", "use tools", "[]");
    fields.unsupported("function_call", "use tool_choice", "\"none\"");
    fields.unsupported("response_format", "say in the prompt what the answer looks like",
        "{\"type\":\"text\"}");
    fields.unsupported("reasoning_effort",
        "use chat_template_kwargs, such as {\"enable_thinking\": false}");
    fields.unsupported("verbosity", "say in the prompt how long the answer should be");
    fields.unsupported("modalities", "this server writes text only", "[\"text\"]");
    fields.unsupported("audio", "this server writes text only");
    fields.unsupported("prediction", "answers are made token by token");
    fields.unsupported("web_search_options", "this server searches nothing");
    fields.end();
  }
}
