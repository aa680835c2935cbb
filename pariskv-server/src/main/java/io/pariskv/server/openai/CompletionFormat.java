package io.pariskv.server.openai;

import io.pariskv.chat.Part;
import io.pariskv.generate.TokenLogprobs;
import io.pariskv.server.http.ApiException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** {@code text_completion}, whose pieces look like the whole. */
final class CompletionFormat implements AnswerFormat {
  private static final String OBJECT = "text_completion";

  private final Chunks chunks;
  private final @Nullable CompletionTokens told;

  /**
   * The format of one answer.
   *
   * @param chunks its head and its end
   * @param told says how probable tokens were; null if the client did not ask
   */
  CompletionFormat(Chunks chunks, @Nullable TokenJson told) {
    this.chunks = chunks;
    this.told = told == null ? null : new CompletionTokens(told);
  }

  @Override
  public void begin(EventText out) {
    // there is no role to tell
  }

  @Override
  public void piece(Piece piece, EventText out) {
    out.add(chunk(text(piece.part()), piece.tokens(), null));
  }

  @Override
  public void end(Ending ending, EventText out) {
    out.add(chunk("", ending.tokens(), ending.finishReason()));
    chunks.end(OBJECT, ending.result(), out);
  }

  @Override
  public void fail(ApiException problem, EventText out) {
    Chunks.fail(problem, out);
  }

  @Override
  public ObjectNode whole(List<Piece> pieces, Ending ending) {
    StringBuilder text = new StringBuilder();
    List<TokenLogprobs> tokens = new ArrayList<>();
    for (Piece piece : pieces) {
      text.append(text(piece.part()));
      tokens.addAll(piece.tokens());
    }
    tokens.addAll(ending.tokens());
    ObjectNode json = choice(text.toString(), told == null ? null : told.json(tokens),
        ending.finishReason());
    json.set("usage", Chunks.usage(ending.result()));
    return json;
  }

  private static String text(Part part) {
    return switch (part) {
      case Part.Text text -> text.text();
      case Part.Thought _,Part.ToolCall _ -> throw new IllegalStateException(
          "a completion is all text");
    };
  }

  private ObjectNode chunk(String text, List<TokenLogprobs> tokens,
      @Nullable String finishReason) {
    return chunks.withPlaceOfUsage(choice(text,
        told == null || tokens.isEmpty() ? null : told.json(tokens), finishReason));
  }

  private ObjectNode choice(String text, @Nullable ObjectNode logprobs,
      @Nullable String finishReason) {
    ObjectNode json = chunks.head(OBJECT);
    ObjectNode choice = json.putArray("choices").addObject().put("text", text).put("index", 0);
    choice.set("logprobs", logprobs);
    choice.put("finish_reason", finishReason);
    return json;
  }
}
