package io.pariskv.server.openai;

import io.pariskv.chat.JsonValues;
import io.pariskv.chat.ToolFormat;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Fields;
import io.pariskv.server.http.Json;
import io.pariskv.server.model.ServedModel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Functions that an answer may call.
 *
 * @param definitions as the chat template sees them; empty for none
 * @param names of them
 */
record Tools(List<@Nullable Object> definitions, Set<String> names) {
  private static final Tools NONE = new Tools(List.of(), Set.of());
  private static final int MOST = 128;
  private static final String NAME = "[a-zA-Z0-9_.-]{1,64}";

  /** Reads {@code tools}. */
  static Tools read(Fields fields, ServedModel model) {
    List<JsonNode> items = fields.array("tools", MOST);
    if (items == null || items.isEmpty()) {
      return NONE;
    }
    requireFormat(model, fields.name("tools"));
    Set<String> names = new LinkedHashSet<>();
    List<@Nullable Object> definitions = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      Fields tool = Fields.of(items.get(i), "tools[" + i + "]");
      requireFunction(tool);
      names.add(name(tool));
      tool.end();
      definitions.add(JsonValues.of(items.get(i)));
    }
    return new Tools(definitions, names);
  }

  /** Reads {@code tool_choice} and {@code parallel_tool_calls}; without the tools if none may be called. */
  Tools chosen(Fields fields) {
    fields.unsupported("tool_choice", "whether a function is called is up to the model", "\"auto\"",
        "\"none\"");
    fields.unsupported("parallel_tool_calls", "how many are called is up to the model", "true");
    JsonNode choice = fields.any("tool_choice");
    return choice != null && choice.asString("").equals("none") ? NONE : this;
  }

  /** A call that an earlier answer made, as templates have it: its arguments are an object, not text. */
  static List<@Nullable Object> calls(Fields message, ServedModel model) {
    List<JsonNode> items = message.array("tool_calls", MOST);
    if (items == null || items.isEmpty()) {
      return List.of();
    }
    requireFormat(model, message.name("tool_calls"));
    List<@Nullable Object> calls = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      Fields call = Fields.of(items.get(i), message.name("tool_calls") + "[" + i + "]");
      requireFunction(call);
      String id = call.requiredText("id");
      call.harmless("index"); // of a streamed call, sent back as it came
      Fields function = required(call);
      String name = function.requiredText("name");
      JsonNode arguments = JsonValues.read(function.requiredText("arguments"));
      if (arguments == null || !arguments.isObject()) {
        throw ApiException.invalid(function.name("arguments"),
            function.name("arguments") + " must be the text of a JSON object");
      }
      function.end();
      call.end();
      Map<String, Object> written = new LinkedHashMap<>();
      written.put("name", name);
      written.put("arguments", JsonValues.map(arguments));
      calls.add(Map.of("id", id, "type", "function", "function", written));
    }
    return calls;
  }

  private static String name(Fields tool) {
    Fields function = required(tool);
    String name = function.requiredText("name");
    if (!name.matches(NAME)) {
      throw ApiException.invalid(function.name("name"), function.name("name") + " is \""
          + Json.shorten(name) + "\", expected 1 to 64 letters, digits, _, . and -");
    }
    function.text("description");
    function.object("parameters");
    function.unsupported("strict", "arguments are what the model writes", "false");
    function.end();
    return name;
  }

  private static Fields required(Fields holder) {
    Fields function = holder.object("function");
    if (function == null) {
      throw holder.missing("function");
    }
    return function;
  }

  private static void requireFunction(Fields holder) {
    String type = holder.requiredText("type");
    if (!type.equals("function")) {
      throw ApiException.invalid(holder.name("type"), "unsupported_value",
          holder.name("type") + " is \"" + Json.shorten(type) + "\", expected function");
    }
  }

  private static void requireFormat(ServedModel model, String param) {
    if (model.tools() == ToolFormat.NONE) {
      throw ApiException.invalid(param, "unsupported_parameter",
          param + " cannot be used: the chat "
              + "template of model " + model.id()
              + " has no functions, or none that this server reads");
    }
  }
}
