package io.pariskv.text.jinja;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hostile templates end in an error that names the limit, without using up the stack, the memory or the time. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class JinjaLimitsTest {
  /** The defaults, but for fewer steps, so that the tests are quick. */
  private static final JinjaLimits LIMITS = new JinjaLimits(JinjaLimits.DEFAULT.sourceChars(),
      JinjaLimits.DEFAULT.depth(), 3_000_000, JinjaLimits.DEFAULT.outputChars(),
      JinjaLimits.DEFAULT.rangeLength());

  @ParameterizedTest
  @ValueSource(strings = {"{{ 'a' * 10**9 }}", "{{ 'a' * 10**18 }}", "{{ [1] * 10**9 }}",
      "{{ [[]] * 9000000000000000000 }}",
      "{{ range(10**9) }}", "{{ range(-10**18, 10**18) }}", "{{ '%1000000000d' % 1 }}",
      "{{ '%.1000000000f' % 1 }}",
      "{{ 'a' | indent(10**9) }}", "{{ [1] | tojson(indent=10**12) }}",
      "{{ [1] | batch(10**12, 0) | list }}",
      "{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s | replace('', ns.s) %}{% endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
      "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l == ns.m }}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}",
      "{% set ns = namespace(l=[]) %}{% for i in range(1000) %}{% set ns.l = [ns.l] %}{% endfor %}",
      "{% set ns = namespace(l={}) %}{% for i in range(1000) %}{% set ns.l = {'a': ns.l} %}{% endfor %}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(30) }}",
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
      "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{{ s | upper | length }}{% endfor %}",
      "{% set s = 'a' * 4000000 %}{{ ('a' * 2000000 + 'b') in s }}",
      "{% set s = 'a' * 4000000 %}{{ s.strip('b' * 1000000 + 'a') }}",
      "{% set s = 'a' * 16000000 %}{{ s | list | length }}",
      "{% set s = 'a ' * 8000000 %}{{ s.split() | length }}",
      "{% set s = 'a\n' * 8000000 %}{{ s.splitlines() | length }}",
      "{{ '9' * 100000 | int }}{{ ('9' * 100000) | int }}",
      "{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = ns.l + ['a' * 10000] %}{% endfor %}",
      "{% set ns = namespace(x=1) %}{% for i in range(99) %}{% set ns.x = ns.x * 1000 %}{% endfor %}",
      "{% set ns = namespace(x=namespace()) %}{% for i in range(100000) %}{% set ns.x = namespace(y=ns.x) %}{% endfor %}{{ ns.x }}",
      "{% set s = 'x' * 16000000 %}{% for i in range(1000) %}{% set t = s ~ i %}{% endfor %}"})
  void hostileTemplate_endsInAnError(String source) {
    JinjaTemplate template = JinjaTemplate.parse("hostile", source, LIMITS, Goldens.CLOCK);
    assertThrows(TemplateException.class, () -> template.render(Map.of()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"(", "[", "{1:", "not ", "-", "- -", "+", "a[", "f(", "a|f(", "1 if ",
      "1 if 1 else ", "a is eq(", "'a' ~ ("})
  void deepExpression_isRefusedOnASmallStack(String opening) throws InterruptedException {
    assertRefused("{{ " + opening.repeat(60_000 / opening.length()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{% if a %}", "{% for a in b %}", "{% set a %}", "{% macro m() %}",
      "{% filter upper %}",
      "{% generation %}", "{% call m() %}", "{% with %}"})
  void deepBlocks_areRefusedOnASmallStack(String opening) throws InterruptedException {
    assertRefused(opening.repeat(10_000));
  }

  @ParameterizedTest
  @ValueSource(strings = {" + 1", " ~ 1", " and 1", ".a", "[0]", "|string", " ** 1", " if 1",
      " == 1", " is eq 1"})
  void longChain_rendersOrIsRefusedOnASmallStack(String link) throws InterruptedException {
    Throwable thrown = onSmallStack("{{ a" + link.repeat(20_000) + " }}");
    assertTrue(thrown == null || thrown instanceof TemplateException, () -> "" + thrown);
  }

  @Test
  void nestingUpToTheLimit_isRenderedOnASmallStack() throws InterruptedException {
    assertNull(onSmallStack("{{ " + "(".repeat(60) + "1" + ")".repeat(60) + " }}"));
    String blocks = "{% if true %}".repeat(60) + "{% for i in [1] %}x{% endfor %}"
        + "{% endif %}".repeat(60);
    assertNull(onSmallStack(blocks));
  }

  private static void assertRefused(String source) throws InterruptedException {
    assertInstanceOf(TemplateException.class, onSmallStack(source));
  }

  /** What parsing and rendering throws on a thread with half the usual stack, or null. */
  private static @Nullable Throwable onSmallStack(String source) throws InterruptedException {
    AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
    Thread thread = new Thread(null, () -> {
      try {
        JinjaTemplate.parse("deep", source).render(Map.of("a", 1, "m", "x"));
      } catch (Throwable t) {
        thrown.set(t);
      }
    }, "small stack", 512 << 10);
    thread.start();
    thread.join();
    return thrown.get();
  }

  @Test
  void conversationOfAMillionTokens_fitsTheDefaults() {
    List<Object> messages = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      Map<String, Object> message = new HashMap<>();
      message.put("role", i % 2 == 0 ? "user" : "assistant");
      message.put("content", "word ".repeat(500));
      messages.add(message);
    }
    messages.add(Map.of("role", "user", "content", "long ".repeat(500_000)));
    JinjaTemplate template = JinjaTemplate.parse("qwen3", Goldens.template("qwen3.jinja"));
    String output = template.render(Map.of("messages", messages, "add_generation_prompt", true));
    assertTrue(output.length() > 7_500_000, () -> "only " + output.length());
  }
}
