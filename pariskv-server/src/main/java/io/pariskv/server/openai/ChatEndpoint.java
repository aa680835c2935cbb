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
    ToolChoice choice = ToolChoice.read(fields, asked.tools());
    ChatPrompt chat = asked.with(choice.offered(asked.tools()));
    AnswerForm form = AnswerForm.of(ResponseFormat.read(fields), choice, chat.tools(), model);
    Delivery delivery = Delivery.read(fields);
    Integer wanted = SamplingFields.wantedTokens(fields);
    int logprobs = SamplingFields.logprobs(fields);
    GenerationOptions options = SamplingFields.read(fields, model).withLogprobs(logprobs);
    refuseOthers(fields);
    int[] prompt = chat.encode(model, true);
    int most = SamplingFields.maxTokens(model, prompt, wanted, Integer.MAX_VALUE, "messages");
    ChatFormat format = new ChatFormat(new Chunks("chatcmpl-" + exchange.id(),
        Instant.now().getEpochSecond(), model.id(), delivery.includeUsage()),
        TokenJson.of(model, options));
    return new AnswerRequest(model, prompt,
        form.on(options.withMaxTokens(most), model, prompt), format,
        chat.parser(model, prompt), delivery.stream());
  }

  private static void refuseOthers(Fields fields) {
    SamplingFields.refuseOthers(fields);
    fields.unsupported("functions", "use tools", "[]");
    fields.unsupported("function_call", "use tool_choice", "\"none\"");
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
