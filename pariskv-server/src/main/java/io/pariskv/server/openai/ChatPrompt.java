package io.pariskv.server.openai;

import io.pariskv.chat.AnswerParser;
import io.pariskv.chat.JsonValues;
import io.pariskv.chat.Thinking;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Fields;
import io.pariskv.server.http.Json;
import io.pariskv.server.model.ServedModel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A conversation as the chat template sees it.
 *
 * @param messages each with a role, and a content
 * @param variables of the template, from {@code chat_template_kwargs}
 * @param tools that the answer may call
 */
record ChatPrompt(List<Map<String, @Nullable Object>> messages,
    Map<String, @Nullable Object> variables, Tools tools) {
  static final int MOST_MESSAGES = 100_000;
  private static final Set<String> OWN_VARIABLES = Set.of("messages", "add_generation_prompt",
      "tools", "documents");

  /** Reads {@code messages}, {@code chat_template_kwargs} and {@code tools}. */
  static ChatPrompt read(Fields fields, ServedModel model) {
    List<JsonNode> items = fields.array("messages", MOST_MESSAGES);
    if (items == null) {
      throw fields.missing("messages");
    }
    if (items.isEmpty()) {
      throw ApiException.invalid("messages", "messages is empty; give at least one");
    }
    List<Map<String, @Nullable Object>> messages = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      messages.add(message(Fields.of(items.get(i), "messages[" + i + "]"), model));
    }
    return new ChatPrompt(messages, variables(fields), Tools.read(fields, model));
  }

  /** This conversation with an answer that may call these functions and no others. */
  ChatPrompt with(Tools chosen) {
    return new ChatPrompt(messages, variables, chosen);
  }

  /** Tokens of the prompt. */
  int[] encode(ServedModel model, boolean addGenerationPrompt) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>(variables);
    if (!tools.names().isEmpty()) {
      all.put("tools", tools.definitions());
    }
    return PromptEncoder.chat(model, messages, addGenerationPrompt, all);
  }

  /**
   * For the answer to it.
   *
   * @param prompt its tokens
   */
  AnswerParser parser(ServedModel model, int[] prompt) {
    return AnswerParser.of(model.tools(), tools.names(),
        Thinking.begins(model.tokenizer(), prompt));
  }

  /** Reads {@code chat_template_kwargs}. */
  static Map<String, @Nullable Object> variables(Fields fields) {
    JsonNode given = fields.any("chat_template_kwargs");
    if (given == null) {
      return Map.of();
    }
    if (!given.isObject()) {
      throw ApiException.invalid("chat_template_kwargs",
          "chat_template_kwargs is " + Json.kind(given) + ", expected an object");
    }
    for (String name : given.propertyNames()) {
      if (OWN_VARIABLES.contains(name)) {
        throw ApiException.invalid("chat_template_kwargs." + name, "chat_template_kwargs." + name
            + " is given by the request's own fields; leave it out");
      }
    }
    return JsonValues.map(given);
  }

  private static Map<String, @Nullable Object> message(Fields fields, ServedModel model) {
    Map<String, @Nullable Object> message = new LinkedHashMap<>();
    String role = fields.requiredText("role");
    message.put("role", switch (role) {
      case "developer" -> "system"; // OpenAI's newer word; templates know the older one
      case "system", "user", "assistant", "tool" -> role;
      default -> throw ApiException.invalid(fields.name("role"), fields.name("role") + " is \""
          + Json.shorten(role) + "\", expected system, developer, user, assistant or tool");
    });
    List<@Nullable Object> calls = role.equals("assistant")
        ? Tools.calls(fields, model)
        : List.of();
    boolean empty = !calls.isEmpty() && fields.any("content") == null;
    message.put("content", empty ? "" : content(fields, "content", Set.of("text")));
    if (!calls.isEmpty()) {
      message.put("tool_calls", calls);
    }
    if (role.equals("tool")) {
      message.put("tool_call_id", fields.requiredText("tool_call_id"));
    }
    for (String extra : new String[]{"name", "reasoning_content"}) {
      String text = fields.text(extra);
      if (text != null) {
        message.put(extra, text);
      }
    }
    fields.unsupported("function_call", "use tool_calls");
    fields.unsupported("refusal", "leave it out");
    fields.unsupported("audio", "this server reads text only");
    fields.end();
    return message;
  }

  /**
   * A string, or parts that are all text.
   *
   * @param types that parts may have
   */
  static String content(Fields fields, String name, Set<String> types) {
    JsonNode content = fields.any(name);
    if (content == null) {
      throw fields.missing(name);
    }
    if (content.isString()) {
      return content.stringValue();
    }
    List<String> texts = new ArrayList<>();
    List<JsonNode> parts = fields.array(name, MOST_MESSAGES);
    for (int i = 0; parts != null && i < parts.size(); i++) {
      Fields part = Fields.of(parts.get(i), fields.name(name) + "[" + i + "]");
      String type = part.requiredText("type");
      if (!types.contains(type)) {
        throw ApiException.invalid(part.name("type"), "unsupported_value", part.name("type")
            + " is \"" + Json.shorten(type) + "\", but this server reads text only");
      }
      texts.add(part.requiredText("text"));
      if (type.equals("output_text")) { // of an earlier answer, sent back as it came
        part.harmless("annotations", "logprobs");
      }
      part.end();
    }
    return String.join("\n", texts);
  }
}
