package io.pariskv.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pariskv.constrain.Form;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/** What a constrained call looks like is what is read as one. */
class CallFormsTest {
  private static final String NAME = "say \"hi\"";

  /** Some of the texts that are of a form: all of its choices, with the plainest JSON. */
  private static List<String> texts(Form form) {
    return switch (form) {
      case Form.Literal(String text) -> List.of(text);
      case Form.AnyObject _ -> List.of("{}");
      case Form.Json(JsonNode schema) -> List.of("{\"of\": " + schema + "}");
      case Form.Until(String end) -> List.of("a thought" + end);
      case Form.Choice(List<Form> parts) ->
        parts.stream().flatMap(part -> texts(part).stream()).toList();
      case Form.Sequence(List<Form> parts) -> {
        List<String> texts = List.of("");
        for (Form part : parts) {
          List<String> longer = new ArrayList<>();
          texts.forEach(text -> texts(part).forEach(next -> longer.add(text + next)));
          texts = longer;
        }
        yield texts;
      }
    };
  }

  private static List<String> calls(ToolFormat format, String text) {
    AnswerParser parser = AnswerParser.of(format, Set.of(NAME), false);
    List<Part> parts = new ArrayList<>(parser.push(text));
    parts.addAll(parser.finish());
    return parts.stream().map(part -> {
      Part.ToolCall call = (Part.ToolCall) part;
      return call.name() + call.arguments();
    }).toList();
  }

  @ParameterizedTest
  @EnumSource(names = {"TAGGED", "BARE"})
  void everyCallOfAForm_isReadAsACall(ToolFormat format) {
    List<String> one = texts(format.calls(List.of(FunctionSignature.any(NAME)), false));
    assertEquals(1, one.size());
    assertEquals(List.of(NAME + "{}"), calls(format, one.getFirst()));
    List<String> several = texts(format.calls(List.of(FunctionSignature.any(NAME)), true));
    assertEquals(format == ToolFormat.TAGGED ? ToolFormat.MOST_CALLS : 1, several.size());
    for (int i = 0; i < several.size(); i++) {
      assertEquals(i + 1, calls(format, several.get(i)).size(), several.get(i));
    }
  }

  @Test
  void modelWithoutFunctions_hasNoSuchForm() {
    assertThrows(IllegalStateException.class,
        () -> ToolFormat.NONE.calls(List.of(FunctionSignature.any("f")), false));
  }

  @Test
  void arguments_areAnObject_whateverTheSchemaLeavesOut() {
    assertEquals(new Form.Literal("{}"), arguments(null));
    assertEquals(new Form.AnyObject(), arguments("{}"));
    assertEquals(new Form.Json(json("{\"properties\":{},\"type\":\"object\"}")),
        arguments("{\"properties\":{}}"));
    assertEquals(new Form.Json(json("{\"type\":\"object\"}")), arguments("{\"type\":\"object\"}"));
  }

  private static Form arguments(@Nullable String schema) {
    return FunctionSignature.of("f", schema == null ? null : json(schema)).arguments();
  }

  private static JsonNode json(String text) {
    return Objects.requireNonNull(JsonValues.read(text));
  }
}
