package io.pariskv.server.openai;

import io.pariskv.chat.Part;
import io.pariskv.generate.TokenLogprobs;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Json;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code chat.completion} and {@code chat.completion.chunk}.
 *
 * @param chunks its head and its end
 * @param told says how probable tokens were; null if the client did not ask
 */
record ChatFormat(Chunks chunks, @Nullable TokenJson told) implements AnswerFormat {
  private static final String CHUNK = "chat.completion.chunk";
  private static final String THOUGHTS = "reasoning_content";

  @Override
  public void begin(EventText out) {
    out.add(chunk(Json.object().put("role", "assistant").put("content", ""), List.of(), null));
  }

  @Override
  public void piece(Piece piece, EventText out) {
    ObjectNode delta = Json.object();
    switch (piece.part()) {
      case Part.Text text -> delta.put("content", text.text());
      case Part.Thought thought -> delta.put(THOUGHTS, thought.text());
      case Part.ToolCall call ->
        delta.putArray("tool_calls").add(call(call).put("index", call.index()));
    }
    out.add(chunk(delta, piece.tokens(), null));
  }

  @Override
  public void end(Ending ending, EventText out) {
    out.add(chunk(Json.object(), ending.tokens(), ending.finishReason()));
    chunks.end(CHUNK, ending.result(), out);
  }

  @Override
  public void fail(ApiException problem, EventText out) {
    Chunks.fail(problem, out);
  }

  @Override
  public ObjectNode whole(List<Piece> pieces, Ending ending) {
    ObjectNode json = chunks.head("chat.completion");
    ObjectNode choice = json.putArray("choices").addObject().put("index", 0);
    ObjectNode message = choice.putObject("message").put("role", "assistant");
    StringBuilder content = new StringBuilder();
    StringBuilder thoughts = new StringBuilder();
    ArrayNode calls = Json.array();
    List<TokenLogprobs> tokens = new ArrayList<>();
    for (Piece piece : pieces) {
      tokens.addAll(piece.tokens());
      switch (piece.part()) {
        case Part.Text text -> content.append(text.text());
        case Part.Thought thought -> thoughts.append(thought.text());
        case Part.ToolCall call -> calls.add(call(call));
      }
    }
    message.put("content", content.isEmpty() && !calls.isEmpty() ? null : content.toString());
    if (!thoughts.isEmpty()) {
      message.put(THOUGHTS, thoughts.toString());
    }
    if (!calls.isEmpty()) {
      message.set("tool_calls", calls);
    }
    tokens.addAll(ending.tokens());
    choice.set("logprobs", logprobs(tokens));
    choice.put("finish_reason", ending.finishReason());
    json.set("usage", Chunks.usage(ending.result()));
    return json;
  }

  private static ObjectNode call(Part.ToolCall call) {
    ObjectNode json = Json.object().put("id", call.id()).put("type", "function");
    json.putObject("function").put("name", call.name()).put("arguments", call.arguments());
    return json;
  }

  private @Nullable ObjectNode logprobs(List<TokenLogprobs> tokens) {
    if (told == null) {
      return null;
    }
    ObjectNode json = Json.object();
    json.set("content", told.list(tokens));
    return json.putNull("refusal");
  }

  private ObjectNode chunk(ObjectNode delta, List<TokenLogprobs> tokens,
      @Nullable String finishReason) {
    ObjectNode json = chunks.head(CHUNK);
    ObjectNode choice = json.putArray("choices").addObject().put("index", 0);
    choice.set("delta", delta);
    choice.set("logprobs", tokens.isEmpty() ? null : logprobs(tokens));
    choice.put("finish_reason", finishReason);
    return chunks.withPlaceOfUsage(json);
  }
}
