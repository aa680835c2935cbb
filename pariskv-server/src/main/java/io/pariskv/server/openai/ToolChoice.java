package io.pariskv.server.openai;

import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Fields;
import io.pariskv.server.http.Json;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Whether functions may or must be called.
 *
 * @param mode what is up to the model
 * @param function the only one that may be called; null for any
 * @param several whether more than one may be called at once
 */
record ToolChoice(Mode mode, @Nullable String function, boolean several) {
  private static final String FIELD = "tool_choice";

  /** What is up to the model. */
  enum Mode {
    /** Nothing is called. */
    NONE,
    /** Whether it calls. */
    AUTO,
    /** What it calls. */
    REQUIRED
  }

  /** Reads {@code tool_choice} and {@code parallel_tool_calls} of a chat. */
  static ToolChoice read(Fields fields, Tools tools) {
    return read(fields, tools, false);
  }

  /** Reads them of a response, where the name is a field of the choice itself. */
  static ToolChoice readFlat(Fields fields, Tools tools) {
    return read(fields, tools, true);
  }

  private static ToolChoice read(Fields fields, Tools tools, boolean flat) {
    boolean several = fields.flag("parallel_tool_calls", true);
    JsonNode choice = fields.any(FIELD);
    if (choice == null) {
      return new ToolChoice(Mode.AUTO, null, several);
    }
    ToolChoice read = choice.isObject()
        ? new ToolChoice(Mode.REQUIRED, named(Fields.of(choice, FIELD), flat, tools), several)
        : new ToolChoice(mode(choice), null, several);
    if (read.mode == Mode.REQUIRED && tools.functions().isEmpty()) {
      throw ApiException.invalid(FIELD, FIELD + " asks for a call, but there are no tools");
    }
    return read;
  }

  private static Mode mode(JsonNode choice) {
    for (Mode mode : Mode.values()) {
      if (choice.isString() && choice.stringValue().equals(mode.name().toLowerCase(Locale.ROOT))) {
        return mode;
      }
    }
    throw ApiException.invalid(FIELD,
        FIELD + " is " + Json.kind(choice) + ", expected none, auto, required or a function");
  }

  private static String named(Fields choice, boolean flat, Tools tools) {
    Tools.requireFunction(choice);
    Fields function = flat ? choice : Tools.required(choice);
    String name = function.requiredText("name");
    if (!tools.names().contains(name)) {
      throw ApiException.invalid(function.name("name"), function.name("name") + " is \""
          + Json.shorten(name) + "\", which is none of the tools");
    }
    function.end();
    choice.end();
    return name;
  }

  /** The functions that the model is told of. */
  Tools offered(Tools tools) {
    return mode == Mode.NONE ? Tools.NONE : tools;
  }

  /** Whether that function may be called. */
  boolean allows(Tools.Function other) {
    return function == null || function.equals(other.name());
  }
}
