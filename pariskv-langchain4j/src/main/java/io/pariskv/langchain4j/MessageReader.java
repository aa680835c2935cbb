package io.pariskv.langchain4j;

import static io.pariskv.langchain4j.Refusals.unsupported;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import io.pariskv.chat.JsonValues;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** LangChain4j's messages as chat templates see them. */
final class MessageReader {
  private MessageReader() {
  }

  static List<Map<String, @Nullable Object>> read(List<ChatMessage> messages, LocalModel model) {
    List<Map<String, @Nullable Object>> read = new ArrayList<>();
    for (ChatMessage message : messages) {
      read.add(read(message, model));
    }
    return read;
  }

  private static Map<String, @Nullable Object> read(ChatMessage message, LocalModel model) {
    return switch (message) {
      case SystemMessage system -> message("system", system.text());
      case UserMessage user -> named(message("user", text(user.contents())), user.name());
      case AiMessage answer -> answer(answer, model);
      case ToolExecutionResultMessage result -> result(result);
      default -> throw unsupported("a message of type " + message.type(),
          "give system, user, AI and tool messages");
    };
  }

  private static Map<String, @Nullable Object> message(String role, @Nullable String content) {
    Map<String, @Nullable Object> message = new LinkedHashMap<>();
    message.put("role", role);
    message.put("content", content == null ? "" : content);
    return message;
  }

  private static Map<String, @Nullable Object> named(Map<String, @Nullable Object> message,
      @Nullable String name) {
    if (name != null) {
      message.put("name", name);
    }
    return message;
  }

  private static Map<String, @Nullable Object> answer(AiMessage answer, LocalModel model) {
    Map<String, @Nullable Object> message = message("assistant", answer.text());
    if (answer.hasToolExecutionRequests()) {
      RequestReader.requireTools(model);
      message.put("tool_calls",
          answer.toolExecutionRequests().stream().map(MessageReader::call).toList());
    }
    if (answer.thinking() != null) {
      message.put("reasoning_content", answer.thinking());
    }
    return message;
  }

  /** Templates have the arguments as an object, not as text. */
  private static Map<String, @Nullable Object> call(ToolExecutionRequest request) {
    String text = request.arguments();
    JsonNode arguments = JsonValues.read(text == null || text.isBlank() ? "{}" : text);
    if (arguments == null || !arguments.isObject()) {
      throw new InvalidRequestException("the arguments of a call of " + request.name()
          + " must be the text of a JSON object");
    }
    Map<String, @Nullable Object> function = new LinkedHashMap<>();
    function.put("name", request.name());
    function.put("arguments", JsonValues.map(arguments));
    Map<String, @Nullable Object> call = new LinkedHashMap<>();
    call.put("id", request.id());
    call.put("type", "function");
    call.put("function", function);
    return call;
  }

  private static Map<String, @Nullable Object> result(ToolExecutionResultMessage result) {
    Map<String, @Nullable Object> message = named(message("tool", text(result.contents())),
        result.toolName());
    message.put("tool_call_id", result.id());
    return message;
  }

  private static String text(List<Content> contents) {
    List<String> texts = new ArrayList<>();
    for (Content content : contents) {
      if (!(content instanceof TextContent text)) {
        throw unsupported(
            "content of type " + content.type().toString().toLowerCase(Locale.ROOT),
            "these models read text only");
      }
      texts.add(text.text());
    }
    return String.join("\n", texts);
  }
}
