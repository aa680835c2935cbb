package io.pariskv.langchain4j;

import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteResponse;
import java.util.concurrent.CompletableFuture;

/**
 * A chat model in this process.
 *
 * <p>Any number of threads may ask at once: answers share the engine's batch, and what a conversation has in common with the one
 * before is not computed again. An interrupted thread's answer is cancelled, and so is that of a cancelled {@code chatAsync}.
 * What is not supported throws {@code UnsupportedFeatureException}; what cannot be answered, such as a prompt that is too long,
 * {@code InvalidRequestException}; a full queue {@code RateLimitException}.
 *
 * <p>Closing it frees what it opened: a model given by the application stays open. Close it on a platform thread if the model is
 * on a GPU.
 */
public final class ParisKvChatModel extends OpenModel implements ChatModel {
  private ParisKvChatModel(Opened opened) {
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
    public ParisKvChatModel build() {
      return new ParisKvChatModel(open());
    }
  }

  @Override
  public ChatResponse doChat(ChatRequest request) {
    AnswerStream answer = model().answer(request);
    AnswerFuture future = new AnswerFuture(answer);
    answer.run(future);
    return switch (future.state()) {
      case SUCCESS -> future.resultNow();
      case FAILED -> throw (LangChain4jException) future.exceptionNow();
      default -> throw new IllegalStateException("the answer has no end");
    };
  }

  @Override
  public CompletableFuture<ChatResponse> doChatAsync(ChatRequest request) {
    AnswerStream answer = model().answer(request);
    AnswerFuture future = new AnswerFuture(answer);
    Thread.ofVirtual().name("pariskv-answer").start(() -> answer.run(future));
    return future;
  }

  /** Waits for the whole answer, and cancels it if it is cancelled itself. */
  private static final class AnswerFuture extends CompletableFuture<ChatResponse>
      implements
        AnswerStream.Receiver {
    private final AnswerStream answer;

    AnswerFuture(AnswerStream answer) {
      this.answer = answer;
    }

    @Override
    public void receive(ChatModelStreamingEvent event) {
      if (event instanceof CompleteResponse whole) {
        complete(whole.chatResponse());
      }
    }

    @Override
    public void fail(LangChain4jException failure) {
      completeExceptionally(failure);
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
      answer.cancel();
      return super.cancel(mayInterruptIfRunning);
    }
  }
}
