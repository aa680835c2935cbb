package io.pariskv.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What is text and what is a call in an answer, however it is cut in pieces. */
class AnswerParserTest {
  private static final String CALL = "{\"name\": \"f\", \"arguments\": {\"a\": 1}}";

  /** Text as it is, calls as {@code [name arguments]}. */
  private static String parsed(ToolFormat format, String answer) {
    String whole = parsed(format, answer, answer.length() + 1);
    for (int piece = 1; piece < 14; piece++) {
      assertEquals(whole, parsed(format, answer, piece), "in pieces of " + piece);
    }
    return whole;
  }

  private static String parsed(ToolFormat format, String answer, int piece) {
    AnswerParser parser = AnswerParser.of(format, Set.of("f", "g"), false);
    List<Part> parts = new ArrayList<>();
    for (int from = 0; from < answer.length(); from += piece) {
      parts.addAll(parser.push(answer.substring(from, Math.min(from + piece, answer.length()))));
    }
    parts.addAll(parser.finish());
    StringBuilder shown = new StringBuilder();
    for (Part part : parts) {
      shown.append(switch (part) {
        case Part.Text text -> text.text();
        case Part.Thought thought -> "(" + thought.text() + ")";
        case Part.ToolCall call -> "[" + call.name() + " " + call.arguments() + "]";
      });
    }
    return shown.toString();
  }

  private static String tagged(String answer) {
    return parsed(ToolFormat.TAGGED, answer);
  }

  private static String tag(String call) {
    return "<tool_call>\n" + call + "\n</tool_call>";
  }

  @Test
  void severalCalls_amongText_areTakenOut() {
    assertEquals("Wait. [f {\"a\":1}][g {}]", tagged(
        "Wait. " + tag(CALL) + "\n" + tag("{\"name\": \"g\", \"arguments\": {}}") + "\n"));
    assertEquals("[f {\"a\":1}]\n\nDone.", tagged(tag(CALL) + "\n\nDone."));
  }

  @Test
  void tagsInStrings_areArguments() {
    for (String string : List.of("</tool_call>", "<tool_call>x</tool_call>", "\\\"</tool_call>\\\"",
        "\\\\", "}</tool_call>{", "\\u003c/tool_call>")) {
      String arguments = "{\"a\":\"" + string + "\"}";
      assertEquals("[f " + arguments.replace("\\u003c", "<") + "] and", tagged(
          tag("{\"name\": \"f\", \"arguments\": " + arguments + "}") + " and"));
    }
  }

  @Test
  void whatIsNoCall_isText_andCallsAfterItAreFound() {
    for (String wrong : List.of("", "{", "[]", "null", "{'name': 'f'}", "{\"name\": 1}",
        "{\"name\": \"f\", \"arguments\": \"no end}", "{\"name\": \"f\", \"arguments\": [1]}",
        "{\"name\": \"f\", \"arguments\": {}, \"parameters\": {}}", CALL + CALL)) {
      assertEquals("a " + tag(wrong) + " b [f {\"a\":1}]",
          tagged("a " + tag(wrong) + " b " + tag(CALL)));
    }
  }

  @Test
  void callThatIsCut_isACallIfItIsWhole() {
    for (String end : List.of("", "\n", "<", "\n</tool", "</tool_call")) {
      assertEquals("[f {\"a\":1}]", tagged("<tool_call>" + CALL + end));
    }
    assertEquals("<tool_call>{\"name\": \"f\", \"arg",
        tagged("<tool_call>{\"name\": \"f\", \"arg"));
    assertEquals("so <tool_c", tagged("so <tool_c"));
  }

  @Test
  void argumentsUnderTheOtherFormatsName_areNotLost() {
    String other = CALL.replace("arguments", "parameters");
    assertEquals("[f {\"a\":1}]", tagged(tag(other)));
    assertEquals("[f {\"a\":1}]", parsed(ToolFormat.BARE, CALL));
    assertEquals("[f {\"a\":1}][f {\"a\":1}]", parsed(ToolFormat.BARE, other + "; " + CALL));
  }

  @Test
  void functionWithoutArguments_isCalledWithNone() {
    for (String call : List.of("{\"name\": \"g\"}", "{\"name\": \"g\", \"arguments\": null}")) {
      assertEquals("[g {}]", tagged(tag(call)));
      assertEquals("[g {}]", parsed(ToolFormat.BARE, call));
    }
  }
}
