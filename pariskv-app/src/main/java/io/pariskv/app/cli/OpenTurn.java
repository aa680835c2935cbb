package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import io.pariskv.generate.LanguageModel;
import io.pariskv.saved.CacheHeader;
import io.pariskv.text.ChatMessage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A user's message whose begin is in a cache and whose end is not: a document there, and a question here. The chat template
 * is rendered around a mark where the document ends; what comes before it is the cache's, what follows it is new.
 */
final class OpenTurn {
  static final String NO_SYSTEM = "--system cannot go with --cache, which has the begin of the conversation; "
      + "give it to 'pariskv cache save'";

  /** Of a private use area: no text has it, and no template changes it. */
  private static final String MARK = "\uE0A5\uE05A\uE0A5";

  private OpenTurn() {
  }

  /** Tokens of a conversation as far as the end of what its last message says. */
  static int[] begin(LanguageModel model, List<ChatMessage> messages) {
    List<ChatMessage> marked = new ArrayList<>(messages);
    ChatMessage last = marked.removeLast();
    marked.add(new ChatMessage(last.role(), last.content() + MARK));
    String text = model.chatText(marked);
    return model.tokenizer().encode(text.substring(0, at(text)));
  }

  private static int at(String text) {
    int at = text.lastIndexOf(MARK);
    if (at < 0) {
      throw new InputException(
          "the chat template leaves out the end of a message, so nothing can follow a document; use --raw");
    }
    return at;
  }

  /** The first message of a conversation, which goes on where the document ends. */
  static ChatMessage first(String question) {
    return new ChatMessage("user", MARK + "\n\n" + question);
  }

  /** Tokens of a conversation that begins with the cached document. */
  static int[] after(Path file, CacheHeader header, int[] cached, LanguageModel model,
      List<ChatMessage> messages) {
    if (!header.openTurn()) {
      throw new InputException(file + ": ends outside of a user's message, so no question can"
          + " continue it; give --raw, or save it by 'pariskv cache save' without --raw");
    }
    String text = model.chatText(messages);
    int[] more = model.tokenizer().encode(text.substring(at(text) + MARK.length()));
    return IntStream.concat(IntStream.of(cached), IntStream.of(more)).toArray();
  }
}
