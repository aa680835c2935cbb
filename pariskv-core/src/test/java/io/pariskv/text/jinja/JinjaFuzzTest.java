package io.pariskv.text.jinja;

import static org.junit.jupiter.api.Assertions.fail;

import io.pariskv.error.InputException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

/** Broken templates give an {@link InputException} or some text, never anything else, and soon. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class JinjaFuzzTest {
  private static final long SEED = 20250307;
  private static final JinjaLimits LIMITS = new JinjaLimits(1 << 16, 100, 20_000, 1 << 18, 1000);
  private static final String[] PIECES = {"{{", "}}", "{%", "%}", "{%-", "-%}", "{#", "#}", "(",
      ")", "[", "]", "{", "}", "'",
      "\"", "\\", "|", ".", ",", ":", "=", "==", "~", "**", "//", "%", " if ", " else ", " not ",
      " in ", " is ", " and ",
      "{% for i in ", "{% endfor %}", "{% if ", "{% endif %}", "{% set ", "{% endset %}",
      "{% macro ", "{% endmacro %}",
      "{% raw %}", "{% endraw %}", "{% break %}", "{% call ", "loop", "messages", "tools", "none",
      "range(9)", "[::-1]",
      "[1:]", "1e9", "99999999999", "0x", "namespace()", ".items()", "|tojson", "|list", "|sort",
      "|map('", "|int", "\0",
      "\n", "\r", "\u2028", "😀", "\ud800"};

  @Test
  void mutatedTemplates_failOnlyWithInputException() {
    JsonNode conversations = Goldens.read("conversations.json");
    List<String> sources = new ArrayList<>();
    conversations.get("results").propertyNames()
        .forEach(file -> sources.add(Goldens.template(file)));
    Goldens.read("cases.json")
        .forEach(g -> g.get("cases").forEach(c -> sources.add(c.get("template").stringValue())));
    List<Map<String, Object>> variables = new ArrayList<>();
    conversations.get("variables").forEach(v -> variables.add(Goldens.variables(v)));
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < 30_000; i++) {
      String source = sources.get(random.nextInt(sources.size()));
      for (int n = random.nextInt(1, 4); n > 0; n--) {
        source = mutate(source, sources, random);
      }
      check(source, variables.get(random.nextInt(variables.size())), i);
    }
  }

  private static String mutate(String source, List<String> sources, SplittableRandom random) {
    int at = random.nextInt(source.length() + 1);
    int end = Math.min(source.length(), at + random.nextInt(1, 12));
    return switch (random.nextInt(5)) {
      case 0 -> source.substring(0, at) + source.substring(end);
      case 1 ->
        source.substring(0, at) + PIECES[random.nextInt(PIECES.length)] + source.substring(at);
      case 2 ->
        source.substring(0, at) + PIECES[random.nextInt(PIECES.length)] + source.substring(end);
      case 3 -> {
        String other = sources.get(random.nextInt(sources.size()));
        int from = random.nextInt(other.length() + 1);
        yield source.substring(0, at) + other.substring(from, Math.min(other.length(), from + 40))
            + source.substring(end);
      }
      default -> source.substring(0, at) + source.substring(at, end).repeat(random.nextInt(2, 5))
          + source.substring(end);
    };
  }

  @Test
  void randomPiecesAndBytes_failOnlyWithInputException() {
    SplittableRandom random = new SplittableRandom(SEED + 1);
    for (int i = 0; i < 30_000; i++) {
      StringBuilder source = new StringBuilder(i % 2 == 0 ? "{{ " : "");
      for (int n = random.nextInt(30); n > 0; n--) {
        source.append(PIECES[random.nextInt(PIECES.length)]);
      }
      byte[] bytes = new byte[random.nextInt(20)];
      random.nextBytes(bytes);
      source.append(
          new String(bytes, i % 3 == 0 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1));
      check(source.append(i % 2 == 0 ? " }}" : "").toString(),
          Map.of("messages", List.of("a", 1), "tools", Map.of("b", 2)), i);
    }
  }

  private static void check(String source, Map<String, Object> variables, int round) {
    try {
      JinjaTemplate.parse("fuzz", source, LIMITS, Goldens.CLOCK).render(variables);
    } catch (InputException expected) {
      // what a broken template should give
    } catch (AssertionError | RuntimeException e) {
      fail("seed " + SEED + ", round " + round + ", template " + PythonText.quote(source), e);
    }
  }
}
