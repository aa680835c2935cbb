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
}
