package io.pariskv.text.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.CharBuffer;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JinjaTemplateTest {

  private static String render(String template, Map<String, ?> variables) {
    return Goldens.parse("chat", template).render(variables);
  }

  @Test
  void messageText_thatLooksLikeATemplate_staysText() {
    String hostile = "{{ 7*7 }} {% raise %} {# c #} {%- endfor %} {% raw %}";
    String template = "{% for m in messages %}{{ m.content }}|{{ '<' + m['content'] + '>' }}{% endfor %}";
    assertEquals(hostile + "|<" + hostile + ">",
        render(template, Map.of("messages", List.of(Map.of("content", hostile)))));
  }

  @Test
  void raiseException_throwsTheTemplatesOwnWords() {
    TemplateException e = assertThrows(TemplateException.class,
        () -> render(
            "a\n{% if true %}\n{{ raise_exception('Roles must ' ~ 'alternate!') }}{% endif %}",
            Map.of()));
    assertEquals("Roles must alternate!", e.reason());
    assertEquals("template chat, line 3: Roles must alternate!", e.getMessage());
    assertEquals("chat", e.template());
    assertEquals(3, e.line());
  }

  @ParameterizedTest
  @CsvSource(delimiterString = "; ", quoteCharacter = '`', textBlock = """
      {% include 'x' %}; the tag 'include' is not supported
      {% extends 'x' %}; the tag 'extends' is not supported
      {% import 'x' as y %}; the tag 'import' is not supported
      {% do x %}; the tag 'do' is not supported
      {% block x %}{% endblock %}; the tag 'block' is not supported
      {% for x in y recursive %}{% endfor %}; 'recursive' loops are not supported
      {{ x | groupby('a') }}; the filter 'groupby' does not exist or is not supported
      {% if x is escaped %}{% endif %}; the test 'escaped' does not exist or is not supported
      {{ 'a'.zfill(3) }}; the string method 'zfill' is not supported
      {{ {}.copy() }}; 'copy' of a dict is not supported
      {{ f(*x) }}; '*' in the arguments of a call is not supported
      {{ f(**x) }}; '**' in the arguments of a call is not supported
      {{ x[1, 2] }}; several subscripts in one pair of brackets are not supported
      {{ cycler('a') }}; the global 'cycler' is not supported
      {{ ('<' | e) + '<' }}; '+' is not supported between Markup and str
      {{ '<' | e | upper }}; the filter 'upper' after 'escape' or 'safe' is not supported
      {{ 9223372036854775807 + 1 }}; an integer goes beyond 64 bits
      {{ 99999999999999999999 }}; an integer beyond 64 bits is not supported
      {{ {(1, 2): 3} }}; a tuple as a key of a dict is not supported
      {{ {missing: 3} }}; 'missing' is undefined
      {{ range(3) }}; a range cannot be printed
      {{ 'a'.upper }}; a function str.upper cannot be printed
      {{ ['a'] | map('upper') }}; a generator cannot be printed
      {{ 'a' is sameas 'a' }}; the test 'sameas' of strings and numbers is not supported
      {{ '{:>3}'.format(1) }}; str.format supports
      {{ '%e' % 1 }}; the conversion '%e' is not supported
      {{ strftime_now('%Q') }}; the directive '%Q' of strftime_now is not supported
      {% for x in [1] %}{% set y %}{% break %}{% endset %}{% endfor %}; 'break' stands outside a loop
      {% for x in [1] %}{% set loop = 1 %}{% endfor %}; 'loop' cannot be assigned to
      """)
  void unsupportedConstruct_isRefusedByName(String template, String message) {
    TemplateException e = assertThrows(TemplateException.class,
        () -> render("\n" + template, Map.of("x", 1, "y", 2)));
    assertTrue(String.valueOf(e.getMessage()).contains(message), e::getMessage);
    assertTrue(String.valueOf(e.getMessage()).startsWith("template chat, line 2: "), e::getMessage);
  }

  @Test
  void syntaxError_namesTheTemplateTheLineAndTheWayOut() {
    assertSyntaxError("a\n{% for x in y %}{% if x %}\n{% endfor %}", 3,
        "the tag 'endfor' is unknown or out of place here, where the block 'if' of line 2 is open");
    assertSyntaxError("{% if x %}a\n", 1,
        "the template ends inside the block 'if' of line 1; close it with '{% endif %}'");
    assertSyntaxError("\n\n{{ x", 3, "the tag that starts here has no end; close it with '}}'");
    assertSyntaxError("\n{# x", 2, "the comment that starts here has no end; close it with '#}'");
    assertSyntaxError("\n{{ 'x }}", 2, "the string that starts here has no end; close it with '");
    assertSyntaxError("{{ (1] }}", 1, "unexpected ']', expected ')'");
    assertSyntaxError("{{ 1 2 }}", 1, "expected '}}', but found '2'");
  }

  private static void assertSyntaxError(String template, int line, String reason) {
    TemplateException e = assertThrows(TemplateException.class,
        () -> Goldens.parse("config.json", template));
    assertEquals("template config.json, line " + line + ": " + reason, e.getMessage());
  }

  @Test
  void errorInALongExpression_namesTheLineOfItsOperator() {
    TemplateException e = assertThrows(TemplateException.class,
        () -> render("{{ ['a',\n 'b',\n 1\n + 'c'] }}", Map.of()));
    assertEquals(4, e.line());
  }

  @Test
  void variables_ofAllTypesOfAJsonParser_areTaken() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("list", Arrays.asList(1, 2L, (short) 3, (byte) 4, BigInteger.TEN, 1.5, 0.5f,
        new BigDecimal("2.5"), true, null));
    map.put("text", CharBuffer.wrap("x"));
    assertEquals("{'list': [1, 2, 3, 4, 10, 1.5, 0.5, 2.5, True, None], 'text': 'x'}",
        render("{{ m }}", Map.of("m", map)));
    assertEquals("[1]", render("{{ s }}", Map.of("s", Set.of(1))));
  }

  @Test
  void variable_ofAnotherType_isTheCallersMistake() {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class,
        () -> render("", Map.of("v", List.of(new Object()))));
    assertTrue(String.valueOf(e.getMessage()).contains("'v' of a template is a java.lang.Object"),
        e::getMessage);
  }

  @Test
  void variable_beyond64Bits_isRefused() {
    InputException e = assertThrows(InputException.class,
        () -> render("", Map.of("v", BigInteger.TWO.pow(64))));
    assertTrue(String.valueOf(e.getMessage()).contains("'v' holds an integer of 65 bits"),
        e::getMessage);
  }

  @Test
  void variable_nestedTooDeep_isRefused() {
    Object nested = "x";
    for (int i = 0; i < 100_000; i++) {
      nested = Collections.singletonList(nested);
    }
    Map<String, Object> variables = Map.of("v", nested);
    assertThrows(InputException.class, () -> render("{{ v }}", variables));
  }

  @Test
  void strftimeNow_readsTheGivenClock() {
    JinjaTemplate template = JinjaTemplate.parse("chat", "{{ strftime_now('%d %b %Y') }}",
        JinjaLimits.DEFAULT, Goldens.CLOCK);
    assertEquals("07 Mar 2025", template.render(Map.of()));
  }

  @Test
  void oneTemplate_renderedByManyThreads_givesTheSame() {
    String source = "{% set ns = namespace(n=0) %}{% for i in range(n) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}";
    JinjaTemplate template = JinjaTemplate.parse("chat", source);
    List<CompletableFuture<String>> renders = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      Map<String, Integer> variables = Map.of("n", i);
      renders.add(CompletableFuture.supplyAsync(() -> template.render(variables)));
    }
    for (int i = 0; i < 50; i++) {
      assertEquals(Integer.toString(i * (i - 1) / 2), renders.get(i).join());
    }
  }

  @Test
  void limits_mustBePositive() {
    assertThrows(IllegalArgumentException.class, () -> new JinjaLimits(0, 1, 1, 1, 1));
    JinjaLimits tiny = new JinjaLimits(4, 10, 10, 10, 10);
    assertThrows(TemplateException.class,
        () -> JinjaTemplate.parse("chat", "12345", tiny, Clock.systemUTC()));
  }
}
