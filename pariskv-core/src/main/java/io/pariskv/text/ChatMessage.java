package io.pariskv.text;

import io.pariskv.error.InputException;

/**
 * One turn of a conversation.
 *
 * @param role    who speaks: {@code system}, {@code user}, {@code assistant} or what else the model's
 *                chat template knows; not empty
 * @param content what is said
 */
public record ChatMessage(String role, String content) {
  /** @throws InputException if the role is empty */
  public ChatMessage {
    if (role.isEmpty()) {
      throw new InputException("a chat message has no role; use system, user or assistant");
    }
  }

  /** What a user says. */
  public static ChatMessage user(String content) {
    return new ChatMessage("user", content);
  }

  /** What the model has said. */
  public static ChatMessage assistant(String content) {
    return new ChatMessage("assistant", content);
  }

  /** What the application says. */
  public static ChatMessage system(String content) {
    return new ChatMessage("system", content);
  }
}
