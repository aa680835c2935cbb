package io.pariskv.langchain4j;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.concurrent.Flow;

/**
 * A streaming chat model in this process. A handler is called by one virtual thread, which it may block: the engine does not wait
 * for it. While a prompt is read {@code onUnmappedRawEvent} hears {@link PrefillProgress}. {@code StreamingHandle.cancel} ends an
 * answer, and nothing more is heard of it. Errors and the end are as with {@link ParisKvChatModel}, but what cannot be answered is
 * told by {@code onError}.
 */
public final class ParisKvStreamingChatModel extends OpenModel implements StreamingChatModel {
  private ParisKvStreamingChatModel(Opened opened) {
    super(opened);
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
    AnswerStream answer = model().answer(request);
    Thread.ofVirtual().name("pariskv-answer")
        .start(() -> answer.run(new HandlerReceiver(handler, answer)));
  }

  @Override
  public Flow.Publisher<ChatModelStreamingEvent> doChat(ChatRequest request) {
    LocalModel model = model();
    Question question = model.question(request);
    return new AnswerPublisher(() -> new AnswerStream(model, question));
  }
}
