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
 * @param functions as a call must keep to them
 */
record Tools(List<@Nullable Object> definitions, List<Function> functions) {
  /** Nothing may be called. */
  static final Tools NONE = new Tools(List.of(), List.of());
  private static final int MOST = 128;
  private static final String NAME = "[a-zA-Z0-9_.-]{1,64}";

  /**
   * A function.
   *
   * @param name of it
   * @param parameters a JSON Schema of its arguments; null for a function without
   * @param strict whether the client wants arguments to keep to that in any case
   * @param place where its fields stand in the request, with the dot
   */
  record Function(String name, @Nullable JsonNode parameters, boolean strict, String place) {
  }

  /** Names of the functions. */
  Set<String> names() {
    Set<String> names = new LinkedHashSet<>();
    functions.forEach(function -> names.add(function.name()));
    return names;
  }

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

  private static Tools read(Fields fields, ServedModel model, UnaryOperator<Fields> described) {
    List<JsonNode> items = fields.array("tools", MOST);
    if (items == null || items.isEmpty()) {
      return NONE;
    }
    requireFormat(model, fields.name("tools"));
    List<Function> functions = new ArrayList<>();
    List<@Nullable Object> definitions = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      Fields tool = Fields.of(items.get(i), "tools[" + i + "]");
      requireFunction(tool);
      Fields function = described.apply(tool);
      Function signature = signature(function);
      functions.add(signature);
      definitions.add(function(definition(signature, function.text("description"))));
      function.end();
    }
    return new Tools(definitions, functions);
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

  private static Function signature(Fields function) {
    String name = function.requiredText("name", NAME, "1 to 64 letters, digits, _, . and -");
    function.object("parameters");
    return new Function(name, function.any("parameters"), function.flag("strict", false),
        function.name(""));
  }

  private static Map<String, @Nullable Object> definition(Function function,
      @Nullable String description) {
    Map<String, @Nullable Object> definition = new LinkedHashMap<>();
    definition.put("name", function.name());
    if (description != null) {
      definition.put("description", description);
    }
    if (function.parameters() != null) {
      definition.put("parameters", JsonValues.map(function.parameters()));
    }
    return definition;
  }

  static Fields required(Fields holder) {
    Fields function = holder.object("function");
    if (function == null) {
      throw holder.missing("function");
    }
    return function;
  }

  static void requireFunction(Fields holder) {
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
