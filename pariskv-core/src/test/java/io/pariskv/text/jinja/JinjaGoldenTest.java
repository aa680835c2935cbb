package io.pariskv.text.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/** Prints what jinja2 prints, character by character, and fails where jinja2 fails. */
class JinjaGoldenTest {

  @TestFactory
  List<DynamicContainer> constructs() {
    List<DynamicContainer> groups = new ArrayList<>();
    for (JsonNode group : Goldens.read("cases.json")) {
      Map<String, Object> variables = Goldens.variables(group.get("variables"));
      List<DynamicTest> tests = new ArrayList<>();
      for (JsonNode golden : group.get("cases")) {
        String template = golden.get("template").stringValue();
        tests
            .add(dynamicTest(PythonText.quote(template), () -> check(template, variables, golden)));
      }
      groups.add(dynamicContainer(group.get("group").stringValue(), tests));
    }
    return groups;
  }

  @TestFactory
  List<DynamicContainer> wholeTemplates() {
    JsonNode goldens = Goldens.read("conversations.json");
    List<DynamicContainer> files = new ArrayList<>();
    goldens.get("results").properties().forEach(file -> {
      String template = Goldens.template(file.getKey());
      List<DynamicTest> tests = new ArrayList<>();
      file.getValue().properties().forEach(golden -> {
        Map<String, Object> variables = Goldens
            .variables(goldens.get("variables").get(golden.getKey()));
        tests
            .add(dynamicTest(golden.getKey(), () -> check(template, variables, golden.getValue())));
      });
      files.add(dynamicContainer(file.getKey(), tests));
    });
    return files;
  }

  private static void check(String template, Map<String, Object> variables,
      JsonNode golden) {
    if (golden.has("output")) {
      assertEquals(golden.get("output").stringValue(),
          Goldens.parse("golden", template).render(variables));
      return;
    }
    String kind = golden.get("error").stringValue();
    String message = golden.get("message").stringValue();
    try {
      String output = Goldens.parse("golden", template).render(variables);
      fail("jinja2 fails with " + kind + ": " + message + "; here it prints "
          + PythonText.quote(output));
    } catch (TemplateException e) {
      if (kind.equals("TemplateError")) {
        assertEquals(message, e.reason());
      }
    }
  }
}
