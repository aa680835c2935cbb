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
import java.util.function.UnaryOperator;
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

  /** Reads {@code tools} as chat has them: each has a {@code function}. */
  static Tools read(Fields fields, ServedModel model) {
    return read(fields, model, tool -> {
      Fields function = required(tool);
      tool.end();
      return function;
    });
  }

  /** Reads {@code tools} as responses have them: each is a function. */
  static Tools readFlat(Fields fields, ServedModel model) {
    return read(fields, model, tool -> tool);
  }

  private static Tools read(Fields fields, ServedModel model, UnaryOperator<Fields> function) {
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
      Map<String, @Nullable Object> definition = definition(function.apply(tool));
      names.add(String.valueOf(definition.get("name")));
      definitions.add(function(definition));
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

  /** The calls of an earlier answer, as templates have them: the arguments of each are an object, not text. */
  static List<@Nullable Object> calls(Fields message, ServedModel model) {
    List<JsonNode> items = message.array("tool_calls", MOST);
    if (items == null || items.isEmpty()) {
      return List.of();
    }
    List<@Nullable Object> calls = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      Fields call = Fields.of(items.get(i), message.name("tool_calls") + "[" + i + "]");
      requireFunction(call);
      call.harmless("index"); // of a streamed call, sent back as it came
      Fields function = required(call);
      calls.add(call(call.requiredText("id"), function, model, message.name("tool_calls")));
      function.end();
      call.end();
    }
    return calls;
  }

  /**
   * One of them.
   *
   * @param function has its name and its arguments
   * @param param what is refused if the model has no functions
   */
  static Map<String, @Nullable Object> call(String id, Fields function, ServedModel model,
      String param) {
    requireFormat(model, param);
    Map<String, @Nullable Object> written = new LinkedHashMap<>();
    written.put("name", function.requiredText("name"));
    JsonNode arguments = JsonValues.read(function.requiredText("arguments"));
    if (arguments == null || !arguments.isObject()) {
      throw ApiException.invalid(function.name("arguments"),
          function.name("arguments") + " must be the text of a JSON object");
    }
    written.put("arguments", JsonValues.map(arguments));
    Map<String, @Nullable Object> call = new LinkedHashMap<>();
    call.put("id", id);
    call.putAll(function(written));
    return call;
  }

  /** In the order that models were trained with. */
  private static Map<String, @Nullable Object> function(Map<String, @Nullable Object> function) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    map.put("type", "function");
    map.put("function", function);
    return map;
  }

  private static Map<String, @Nullable Object> definition(Fields function) {
    String name = function.requiredText("name");
    if (!name.matches(NAME)) {
      throw ApiException.invalid(function.name("name"), function.name("name") + " is \""
          + Json.shorten(name) + "\", expected 1 to 64 letters, digits, _, . and -");
    }
    Map<String, @Nullable Object> definition = new LinkedHashMap<>();
    definition.put("name", name);
    String description = function.text("description");
    if (description != null) {
      definition.put("description", description);
    }
    function.object("parameters");
    JsonNode parameters = function.any("parameters");
    if (parameters != null) {
      definition.put("parameters", JsonValues.map(parameters));
    }
    function.unsupported("strict", "arguments are what the model writes", "false");
    function.end();
    return definition;
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
