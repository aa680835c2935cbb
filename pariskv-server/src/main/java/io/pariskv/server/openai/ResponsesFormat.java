package io.pariskv.server.openai;

import io.pariskv.chat.Part;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.TokenLogprobs;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Json;
import java.time.Instant;
import java.util.List;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code response}, and its events: an item begins, grows and ends before the next. What the model thinks is an item, so is what
 * it says, and each function it calls.
 */
final class ResponsesFormat implements AnswerFormat {
  private static final String COMPLETED = "completed";
  private static final String INCOMPLETE = "incomplete";
  private static final String IN_PROGRESS = "in_progress";

  private final String id;
  private final ObjectNode request;
  private final ToIntFunction<String> tokens;
  private final @Nullable TokenJson told;

  /* Of items that have ended. */
  private final ArrayNode output = Json.array();
  private long thoughtTokens;
  /* Of the item that has not. */
  private @Nullable Kind open;
  private final StringBuilder text = new StringBuilder();
  private ArrayNode logprobs = Json.array();
  private int events;

  /** An item of text. */
  private enum Kind {
    THOUGHT("rs_", "reasoning", "reasoning_text"), MESSAGE("msg_", "message", "output_text");

    private final String prefix;
    private final String type;
    private final String partType;

    Kind(String prefix, String type, String partType) {
      this.prefix = prefix;
      this.type = type;
      this.partType = partType;
    }

    /** Its only part. */
    ObjectNode part(String text, ArrayNode logprobs) {
      ObjectNode part = Json.object().put("type", partType).put("text", text);
      if (this == MESSAGE) {
        part.putArray("annotations");
        part.set("logprobs", logprobs);
      }
      return part;
    }

    /** Without its part. */
    ObjectNode item(String id, String status) {
      ObjectNode item = Json.object().put("id", prefix + id).put("type", type).put("status",
          status);
      switch (this) {
        case THOUGHT -> item.putArray("summary");
        case MESSAGE -> item.put("role", "assistant");
      }
      item.putArray("content");
      return item;
    }
  }

  /**
   * The format of one answer.
   *
   * @param id of the answer, without its prefix
   * @param request what a response repeats of its request
   * @param tokens counts those of a text; more than the answer has count as all of it
   * @param told says how probable tokens were; null if the client did not ask
   */
  ResponsesFormat(String id, ObjectNode request, ToIntFunction<String> tokens,
      @Nullable TokenJson told) {
    this.id = id;
    this.request = request;
    this.tokens = tokens;
    this.told = told;
  }

  @Override
  public void begin(EventText out) {
    send("response.created", response(IN_PROGRESS), out);
    send("response.in_progress", response(IN_PROGRESS), out);
  }

  @Override
  public void piece(Piece piece, EventText out) {
    switch (piece.part()) {
      case Part.Thought thought -> grow(Kind.THOUGHT, thought.text(), Json.array(), out);
      case Part.Text said -> grow(Kind.MESSAGE, said.text(), logprobs(piece.tokens()), out);
      case Part.ToolCall call -> {
        close(COMPLETED, out);
        call(call, out);
      }
    }
  }

  @Override
  public void end(Ending ending, EventText out) {
    ObjectNode response = finished(ending, out);
    send("response." + response.path("status").stringValue(), response, out);
    out.addDone();
  }

  @Override
  public void fail(ApiException problem, EventText out) {
    ObjectNode response = response("failed");
    response.putObject("error").put("code", "server_error").put("message", problem.getMessage());
    send("response.failed", response, out);
  }

  /** The response that events would end with. */
  @Override
  public ObjectNode whole(List<Piece> pieces, Ending ending) {
    EventText unsent = new EventText();
    pieces.forEach(piece -> piece(piece, unsent));
    return finished(ending, unsent);
  }

  /** Only a message has a place for them. */
  private ArrayNode logprobs(List<TokenLogprobs> of) {
    return told == null ? Json.array() : told.list(of);
  }

  private void grow(Kind kind, String piece, ArrayNode probable, EventText out) {
    if (open != kind) {
      close(COMPLETED, out);
      open = kind;
      out.addNamed(itemEvent("response.output_item.added", kind.item(itemId(), IN_PROGRESS)));
      ObjectNode added = partEvent("response.content_part.added", kind);
      added.set("part", kind.part("", Json.array()));
      out.addNamed(added);
    }
    text.append(piece);
    logprobs.addAll(probable);
    out.addNamed(textEvent("delta", kind, probable).put("delta", piece));
  }

  /** The item that is open, if one is, has ended. */
  private void close(String status, EventText out) {
    Kind kind = open;
    if (kind == null) {
      return;
    }
    String all = text.toString();
    out.addNamed(textEvent("done", kind, logprobs).put("text", all));
    ObjectNode done = partEvent("response.content_part.done", kind);
    done.set("part", kind.part(all, logprobs));
    out.addNamed(done);
    ObjectNode item = kind.item(itemId(), status);
    item.withArray("content").add(kind.part(all, logprobs));
    out.addNamed(itemEvent("response.output_item.done", item));
    output.add(item);
    thoughtTokens += kind == Kind.THOUGHT ? tokens.applyAsInt(all) : 0;
    text.setLength(0);
    logprobs = Json.array();
    open = null;
  }

  private void call(Part.ToolCall call, EventText out) {
    ObjectNode item = Json.object().put("id", "fc_" + itemId()).put("type", "function_call")
        .put("call_id", call.id()).put("name", call.name());
    out.addNamed(itemEvent("response.output_item.added",
        item.deepCopy().put("arguments", "").put("status", IN_PROGRESS)));
    out.addNamed(callEvent("response.function_call_arguments.delta", item).put("delta",
        call.arguments()));
    out.addNamed(callEvent("response.function_call_arguments.done", item).put("name", call.name())
        .put("arguments", call.arguments()));
    item.put("arguments", call.arguments()).put("status", COMPLETED);
    out.addNamed(itemEvent("response.output_item.done", item));
    output.add(item);
  }

  private ObjectNode finished(Ending ending, EventText out) {
    String status = ending.cut() ? INCOMPLETE : COMPLETED;
    if (open == Kind.MESSAGE) {
      logprobs.addAll(logprobs(ending.tokens()));
    }
    close(status, out);
    ObjectNode response = response(status).put("completed_at", Instant.now().getEpochSecond());
    if (ending.cut()) {
      response.putObject("incomplete_details").put("reason", "max_output_tokens");
    }
    GenerationResult result = ending.result();
    int prompt = result.promptTokens();
    int answer = result.tokens().size();
    ObjectNode usage = response.putObject("usage").put("input_tokens", prompt)
        .put("output_tokens", answer).put("total_tokens", prompt + answer);
    usage.putObject("input_tokens_details").put("cached_tokens", result.cachedTokens());
    usage.putObject("output_tokens_details").put("reasoning_tokens",
        Math.min(thoughtTokens, answer));
    return response;
  }

  private ObjectNode response(String status) {
    ObjectNode response = Json.object().put("id", "resp_" + id).put("status", status)
        .putNull("error").putNull("incomplete_details").putNull("usage");
    response.set("output", output);
    return response.setAll(request);
  }

  /** Of the item that is open, or the next. */
  private String itemId() {
    return id + "_" + output.size();
  }

  private void send(String type, ObjectNode response, EventText out) {
    ObjectNode event = event(type);
    event.set("response", response);
    out.addNamed(event);
  }

  private ObjectNode itemEvent(String type, ObjectNode item) {
    ObjectNode event = event(type).put("output_index", output.size());
    event.set("item", item);
    return event;
  }

  private ObjectNode partEvent(String type, Kind kind) {
    return event(type).put("item_id", kind.prefix + itemId()).put("output_index", output.size())
        .put("content_index", 0);
  }

  private ObjectNode textEvent(String what, Kind kind, ArrayNode probable) {
    ObjectNode event = partEvent("response." + kind.partType + "." + what, kind);
    if (kind == Kind.MESSAGE) {
      event.set("logprobs", probable);
    }
    return event;
  }

  private ObjectNode callEvent(String type, ObjectNode item) {
    return event(type).put("item_id", item.path("id").stringValue()).put("output_index",
        output.size());
  }

  private ObjectNode event(String type) {
    return Json.object().put("type", type).put("sequence_number", events++);
  }
}
