package io.pariskv.langchain4j;

import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;

/**
 * How much of a prompt has been read, which takes minutes for a very long one. A streaming model tells it by {@code
 * StreamingChatResponseHandler.onUnmappedRawEvent}, or as an event of the publisher: first what was in a cache already, then once
 * after each chunk.
 *
 * @param done prompt tokens in the cache
 * @param total prompt tokens
 */
public record PrefillProgress(int done, int total) implements ChatModelStreamingEvent {
}
