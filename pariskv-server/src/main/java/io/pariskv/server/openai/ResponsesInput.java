package io.pariskv.server.openai;

import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Fields;
import io.pariskv.server.http.Json;
import io.pariskv.server.model.ServedModel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Makes messages of the input of a response. There, what a model thought, said and called are items of their own; templates
 * have one message for all of a turn.
 */
final class ResponsesInput {
  private static final Set<String> TEXTS = Set.of("input_text", "output_text");
  private static final Set<String> THOUGHTS = Set.of("reasoning_text", "summary_text");
  private static final String ROLE = "role";
  private static final String CONTENT = "content";
  private static final String CALLS = "tool_calls";

  private final ServedModel model;
  private final List<Map<String, @Nullable Object>> messages = new ArrayList<>();

  private ResponsesInput(ServedModel model) {
    this.model = model;
  }

  /** Reads {@code instructions} and {@code input}. */
  static List<Map<String, @Nullable Object>> messages(Fields fields, ServedModel model) {
    ResponsesInput reader = new ResponsesInput(model);
    String instructions = fields.text("instructions");
    if (instructions != null) {
      reader.add("system", instructions);
    }
    JsonNode input = fields.any("input");
    if (input == null) {
      throw fields.missing("input");
    }
    if (input.isString()) {
      reader.add("user", input.stringValue());
    } else {
      reader.items(fields);
    }
    reader.messages.forEach(message -> message.putIfAbsent(CONTENT, ""));
    return reader.messages;
  }

  private void items(Fields fields) {
    List<JsonNode> items = fields.array("input", ChatPrompt.MOST_MESSAGES);
    if (items == null || items.isEmpty()) {
      throw ApiException.invalid("input", "input is empty; give at least one item");
    }
    for (int i = 0; i < items.size(); i++) {
      Fields item = Fields.of(items.get(i), "input[" + i + "]");
      item.harmless("id", "status"); // of an earlier answer's item, sent back as it came
      item(item);
      item.end();
    }
  }

  private void item(Fields item) {
    String type = item.text("type");
    switch (type == null ? "message" : type) {
      case "message" -> message(item);
      case "reasoning" -> reasoning(item);
      case "function_call" -> call(item);
      case "function_call_output" ->
        add("tool", ChatPrompt.content(item, "output", TEXTS)).put("tool_call_id",
            item.requiredText("call_id"));
      case "item_reference" -> throw ApiException.invalid(item.name("type"), "unsupported_value",
          item.name("type") + " is \"item_reference\", but nothing is kept here; send the item");
      default -> throw ApiException.invalid(item.name("type"), "unsupported_value",
          item.name("type") + " is \"" + Json.shorten(String.valueOf(type))
              + "\", expected message, reasoning, function_call or function_call_output");
    }
  }

  private Map<String, @Nullable Object> add(String role, @Nullable String content) {
    Map<String, @Nullable Object> message = new LinkedHashMap<>();
    message.put(ROLE, role);
    if (content != null) {
      message.put(CONTENT, content);
    }
    messages.add(message);
    return message;
  }

  private void message(Fields item) {
    String role = item.requiredText(ROLE);
    String content = ChatPrompt.content(item, CONTENT, TEXTS);
    switch (role) {
      case "developer" -> add("system", content); // OpenAI's newer word; templates know the older one
      case "system", "user" -> add(role, content);
      case "assistant" -> turn(CONTENT, CALLS).put(CONTENT, content);
      default -> throw ApiException.invalid(item.name(ROLE), item.name(ROLE) + " is \""
          + Json.shorten(role) + "\", expected system, developer, user or assistant");
    }
  }

  private void reasoning(Fields item) {
    item.unsupported("encrypted_content", "what a model thinks is plain text here");
    String content = thoughts(item, CONTENT);
    String summary = thoughts(item, "summary");
    add("assistant", null).put("reasoning_content", content.isEmpty() ? summary : content);
  }

  private static String thoughts(Fields item, String name) {
    return item.any(name) == null ? "" : ChatPrompt.content(item, name, THOUGHTS);
  }

  private void call(Fields item) {
    Map<String, @Nullable Object> turn = turn();
    List<@Nullable Object> calls = new ArrayList<>();
    if (turn.get(CALLS) instanceof List<?> before) {
      calls.addAll(before);
    }
    calls.add(Tools.call(item.requiredText("call_id"), item, model, item.name("type")));
    turn.put(CALLS, calls);
  }

  /** The model's turn that the item before belongs to, unless it has one of these already; else a new one. */
  private Map<String, @Nullable Object> turn(String... without) {
    if (!messages.isEmpty()) {
      Map<String, @Nullable Object> last = messages.getLast();
      if ("assistant".equals(last.get(ROLE))
          && Stream.of(without).noneMatch(last::containsKey)) {
        return last;
      }
    }
    return add("assistant", null);
  }
}
