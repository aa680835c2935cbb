package io.pariskv.chat;

import io.pariskv.constrain.Form;
import io.pariskv.error.InputException;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.StringNode;

/** How a model writes that it calls a function, which its chat template shows. */
public enum ToolFormat {
  /** The template says nothing of functions, or writes calls as none of the others does. */
  NONE("(?!)"),
  /** Qwen, and others after Hermes: {@code <tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>}, also several. */
  TAGGED("<tool_call>\\s*\\{\"name\": \"probe\", \"arguments\": \\{\"a\": 1\\}\\}\\s*</tool_call>"),
  /** Llama 3: the whole answer is {@code {"name": ..., "parameters": {...}}}. */
  BARE("\\{\"name\": \"probe\", \"parameters\": \\{\"a\": 1\\}\\}");

  /** Calls that a constrained answer may have at most. */
  public static final int MOST_CALLS = 8;

  private static final Map<String, Object> QUESTION = Map.of("role", "user", "content", "q");
  private static final Map<String, Object> CALL = Map.of("role", "assistant", "content", "",
      "tool_calls", List.of(Map.of("id", "call00001", "type", "function", "function",
          Map.of("name", "probe", "arguments", Map.of("a", 1)))));
  private static final Map<String, Object> TOOLS = Map.of("tools",
      List.of(Map.of("type", "function", "function", Map.of("name", "probe", "description", "none",
          "parameters", Map.of("type", "object", "properties", Map.of())))));

  private final Pattern written;

  ToolFormat(String written) {
    this.written = Pattern.compile(written);
  }

  /**
   * The form of an answer that may call functions; null for any. One that must be calls has no text, whatever that would have to
   * be; one that may be calls is calls or such a text, and nothing beside.
   *
   * @param text what it must be where it is no call; null for any
   * @param functions those that may be called
   * @param must whether one must be called
   * @param several as {@link #calls} has it
   * @throws IllegalStateException of {@link #NONE}, if there are functions
   */
  public @Nullable Form answer(@Nullable Form text, List<FunctionSignature> functions, boolean must,
      boolean several) {
    if (functions.isEmpty() || (text == null && !must)) {
      return text;
    }
    Form calls = calls(functions, several);
    return text == null || must ? calls : new Form.Choice(List.of(text, calls));
  }

  /**
   * An answer that is nothing but calls.
   *
   * @param functions at least one, each of which may be called
   * @param several whether it may have several calls: up to {@value #MOST_CALLS} of {@link #TAGGED}, but one of {@link #BARE}
   * @throws IllegalStateException of {@link #NONE}
   */
  public Form calls(List<FunctionSignature> functions, boolean several) {
    Form call = new Form.Choice(functions.stream().map(this::call).toList());
    Form calls = call;
    for (int n = 1; several && this == TAGGED && n < MOST_CALLS; n++) {
      calls = Form.of(call,
          new Form.Choice(List.of(Form.of(), Form.of(new Form.Literal("\n"), calls))));
    }
    return calls;
  }

  private Form call(FunctionSignature function) {
    String name = JsonValues.text(StringNode.valueOf(function.name()));
    return switch (this) {
      case NONE -> throw new IllegalStateException("the model calls no functions");
      case TAGGED -> Form.of(
          new Form.Literal("<tool_call>\n{\"name\": " + name + ", \"arguments\": "),
          function.arguments(), new Form.Literal("}\n</tool_call>"));
      case BARE -> Form.of(new Form.Literal("{\"name\": " + name + ", \"parameters\": "),
          function.arguments(), new Form.Literal("}"));
    };
  }

  /** Finds out by giving the template a function, and a call of it. */
  public static ToolFormat of(MessageTemplate template) {
    try {
      List<Map<String, Object>> question = List.of(QUESTION);
      if (template.render(question, true, TOOLS)
          .equals(template.render(question, true, Map.of()))) {
        return NONE;
      }
      String called = template.render(List.of(QUESTION, CALL), false, TOOLS);
      for (ToolFormat format : values()) {
        if (format.written.matcher(called).find()) {
          return format;
        }
      }
      return NONE;
    } catch (InputException e) { // it refuses calls
      return NONE;
    }
  }
}
