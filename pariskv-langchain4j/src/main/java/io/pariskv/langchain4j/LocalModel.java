package io.pariskv.langchain4j;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import io.pariskv.chat.AnswerForms;
import io.pariskv.chat.MessageTemplate;
import io.pariskv.chat.ToolFormat;
import io.pariskv.engine.Engine;
import io.pariskv.error.InputException;
import io.pariskv.generate.LanguageModel;
import io.pariskv.model.file.GenerationConfig;
import io.pariskv.text.Tokenizer;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What both chat models answer with.
 *
 * @param name of the model
 * @param engine runs it
 * @param tokenizer its text
 * @param template its conversations
 * @param tools how it calls functions
 * @param forms what its answers can be made to be
 * @param sampling what its authors propose, for what a request leaves open
 * @param defaults what requests leave open
 * @param deadline after which an answer is ended with what there is; null for none
 * @param listeners of all requests
 */
record LocalModel(String name, Engine engine, Tokenizer tokenizer, MessageTemplate template,
    ToolFormat tools, AnswerForms forms, GenerationConfig sampling,
    ParisKvChatRequestParameters defaults,
    @Nullable Duration deadline, List<ChatModelListener> listeners) {

  /**
   * Of a loaded model.
   *
   * @throws InputException if it has no tokenizer, or no chat template that can be used
   */
  static LocalModel of(String name, LanguageModel model, Engine engine,
      ParisKvChatRequestParameters defaults, @Nullable Duration deadline,
      List<ChatModelListener> listeners) {
    MessageTemplate template = model.chatTemplate()::renderMessages;
    LocalModel local = new LocalModel(name, engine, model.tokenizer(), template,
        ToolFormat.of(template), new AnswerForms(model.tokenizer(), model::constraints),
        model.generationConfig(), defaults, deadline,
        List.copyOf(listeners));
    RequestReader.requireSupported(local, defaults);
    return local;
  }

  /**
   * An answer that has not begun.
   *
   * @throws dev.langchain4j.exception.UnsupportedFeatureException if the request asks for what there is not
   * @throws dev.langchain4j.exception.InvalidRequestException if a number is out of its range
   */
  AnswerStream answer(ChatRequest request) {
    return new AnswerStream(this, question(request));
  }

  /** What a request asks; throws as {@link #answer} does. */
  Question question(ChatRequest request) {
    try {
      return RequestReader.read(this, request);
    } catch (InputException e) {
      throw Refusals.of(e);
    }
  }
}
