package io.pariskv.chat;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes one text of a conversation, as {@link io.pariskv.text.ChatTemplate#renderMessages} does. Thread-safe.
 */
@FunctionalInterface
public interface MessageTemplate {
  /**
   * The text.
   *
   * @throws io.pariskv.error.InputException if there is no template, or it refuses the messages
   */
  String render(List<? extends Map<String, ? extends @Nullable Object>> messages,
      boolean addGenerationPrompt, Map<String, ? extends @Nullable Object> variables);
}
