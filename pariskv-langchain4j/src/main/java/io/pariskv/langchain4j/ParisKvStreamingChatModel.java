package io.pariskv.langchain4j;

import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.List;
import java.util.concurrent.Flow;

/**
 * A streaming chat model in this process. A handler is called by one virtual thread, which it may block: the engine does not wait
 * for it. While a prompt is read {@code onUnmappedRawEvent} hears {@link PrefillProgress}. {@code StreamingHandle.cancel} ends an
 * answer, and nothing more is heard of it. Errors and the end are as with {@link ParisKvChatModel}, but what cannot be answered is
 * told by {@code onError}.
 */
public final class ParisKvStreamingChatModel implements StreamingChatModel, AutoCloseable {
  private final OpenModel opened;

  private ParisKvStreamingChatModel(OpenModel opened) {
    this.opened = opened;
  }

  /** Settings, all of them optional but the model. */
  public static Builder builder() {
    return new Builder();
  }

  /** Collects settings. */
  public static final class Builder extends ParisKvModelBuilder<Builder> {
    private Builder() {
    }

    /** Loads what is not loaded yet; see {@link ParisKvModelBuilder}. */
    public ParisKvStreamingChatModel build() {
      return new ParisKvStreamingChatModel(open());
    }
  }

  @Override
  public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
    AnswerStream answer = opened.model().answer(request);
    Thread.ofVirtual().name("pariskv-answer")
        .start(() -> answer.run(new HandlerReceiver(handler, answer)));
  }

  @Override
  public Flow.Publisher<ChatModelStreamingEvent> doChat(ChatRequest request) {
    LocalModel model = opened.model();
    Question question = model.question(request);
    return new AnswerPublisher(() -> new AnswerStream(model, question));
  }

  @Override
  public ChatRequestParameters defaultRequestParameters() {
    return opened.model().defaults();
  }

  @Override
  public List<ChatModelListener> listeners() {
    return opened.model().listeners();
  }

  @Override
  public ModelProvider provider() {
    return ModelProvider.OTHER;
  }

  @Override
  public void close() {
    opened.close();
  }
}
