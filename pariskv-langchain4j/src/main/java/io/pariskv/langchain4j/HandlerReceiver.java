package io.pariskv.langchain4j;

import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.CompleteResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.PartialThinkingContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;

/** Calls a handler. What it throws is told to itself, and the answer goes on, as LangChain4j has it. */
final class HandlerReceiver implements AnswerStream.Receiver {
  private static final Logger LOG = System.getLogger(HandlerReceiver.class.getName());

  private final StreamingChatResponseHandler handler;
  private final StreamingHandle handle;

  HandlerReceiver(StreamingChatResponseHandler handler, StreamingHandle handle) {
    this.handler = handler;
    this.handle = handle;
  }

  @Override
  public void receive(ChatModelStreamingEvent event) {
    try {
      tell(event);
    } catch (Exception e) {
      error(e);
    }
  }

  private void tell(ChatModelStreamingEvent event) {
    switch (event) {
      case PartialResponse text ->
        handler.onPartialResponse(text, new PartialResponseContext(handle));
      case PartialThinking thought ->
        handler.onPartialThinking(thought, new PartialThinkingContext(handle));
      case CompleteToolCall call -> handler.onCompleteToolCall(call);
      case CompleteResponse complete -> handler.onCompleteResponse(complete.chatResponse());
      default -> handler.onUnmappedRawEvent(event);
    }
  }

  @Override
  public void fail(LangChain4jException failure) {
    error(failure);
  }

  private void error(Exception error) {
    try {
      handler.onError(error);
    } catch (Exception e) {
      LOG.log(Level.WARNING, "onError of a streaming handler threw; ignored", e);
    }
  }
}
