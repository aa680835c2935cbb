package io.pariskv.langchain4j.testing;

import java.util.List;

/** What a good model would answer to the questions of LangChain4j's conformance tests, read from a prompt of Qwen's template. */
public final class Script {
  private Script() {
  }

  /** The answer to a prompt, and what it would be if it had to be of another form. */
  public static List<String> answers(String prompt) {
    String json = prompt.contains("<result>")
        ? "{\"weather\": \"sunny\"}"
        : "{\"city\": \"Berlin\"}";
    return List.of(answer(prompt), json, call("getWeather", "{\"city\": \"Munich\"}"));
  }

  /** The answer to a prompt. */
  public static String answer(String prompt) {
    List<String> results = TestModels.between(prompt, "<result>", "</result>");
    if (!results.isEmpty()) {
      return "The tools say: " + String.join(", ", results);
    }
    List<String> questions = TestModels.between(prompt, "<|start|>user", "<|stop|>");
    String question = questions.getLast();
    if (question.contains("weather in Munich and time in France")) {
      return call("getWeather", "{\"city\": \"Munich\"}") + "\n"
          + call("getTime", "{\"country\": \"France\"}");
    }
    if (question.contains("weather in Munich")) {
      return call("getWeather", "{\"city\": \"Munich\"}");
    }
    if (question.contains("get_current_time")) {
      return call("get_current_time", "{}");
    }
    if (question.contains("favorite color")) {
      return "It is " + questions.getFirst().replaceFirst(".*color is ", "");
    }
    if (question.contains("I love you") && prompt.contains("into German")) {
      return "Ich liebe dich";
    }
    if (question.contains("Hello World")) {
      return "Hello World, and all who live there";
    }
    if (question.contains("story")) {
      return "A fox met a hen. ".repeat(20) + ScriptedEngine.HALT;
    }
    return "The capital of Germany is Berlin. 2 + 2 is 4.";
  }

  /** As Qwen writes it, once the prompt has told of the function. */
  private static String call(String name, String arguments) {
    return "<tool_call>\n{\"name\": \"" + name + "\", \"arguments\": " + arguments
        + "}\n</tool_call>";
  }
}
