package io.pariskv.text.jinja;

import java.time.Clock;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A parsed chat template.
 *
 * <p>Prints what jinja2 prints in the environment of Hugging Face transformers; see the package for what
 * is not supported. Immutable and thread-safe. Rendering costs time and memory in proportion to the data
 * and what the template does with it, at most what {@link JinjaLimits} allows.
 */
public final class JinjaTemplate {
  private final String name;
  private final List<Stmt> body;
  private final JinjaLimits limits;
  private final Clock clock;

  private JinjaTemplate(String name, List<Stmt> body, JinjaLimits limits, Clock clock) {
    this.name = name;
    this.body = body;
    this.limits = limits;
    this.clock = clock;
  }

  /**
   * Parses with the default limits and the system's clock.
   *
   * @param name what messages call the template, such as the file it comes from
   * @throws TemplateException if the template is wrong or uses what is not supported
   */
  public static JinjaTemplate parse(String name, String source) {
    return parse(name, source, JinjaLimits.DEFAULT, Clock.system(ZoneId.systemDefault()));
  }

  /**
   * Parses.
   *
   * @param name what messages call the template, such as the file it comes from
   * @param clock the time and zone of {@code strftime_now}
   * @throws TemplateException if the template is wrong or uses what is not supported
   */
  public static JinjaTemplate parse(String name, String source, JinjaLimits limits, Clock clock) {
    try {
      return new JinjaTemplate(name, Parser.parse(source, limits), limits, clock);
    } catch (Problem problem) {
      throw new TemplateException(name, problem);
    }
  }

  /**
   * Renders.
   *
   * @param variables the names the template sees: strings, numbers, booleans, nulls, maps and iterables of
   *     these, as a JSON parser gives them
   * @throws TemplateException if the template fails, calls {@code raise_exception}, or goes beyond a limit
   * @throws IllegalArgumentException if a variable has another type
   */
  public String render(Map<String, ? extends @Nullable Object> variables) {
    try {
      Budget budget = new Budget(limits);
      Scope given = new Scope(Globals.scope(clock, budget));
      variables.forEach(
          (variable, value) -> given.set(variable, JavaValues.of(value, variable, budget)));
      return new Interpreter(budget).capture(body, new Scope(given));
    } catch (Problem problem) {
      throw new TemplateException(name, problem);
    }
  }
}
